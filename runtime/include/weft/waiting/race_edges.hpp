// SPDX-License-Identifier: BSL-1.0
#pragma once

// ThreadSanitizer's own; called in its builds alone.
// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
extern "C" {
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)

// What ThreadSanitizer is to see of a channel: the edges of the memory model and hardly any others (a parked peer is ordered before
// whoever serves it, also where a buffer lies between them: the value is moved to or from its frame). The lock orders any two operations
// on a channel, also those between which the model promises nothing; if ThreadSanitizer saw it, it would be silent about
// programs that rely on luck. So what is done under the lock is hidden from it, but for the moves of values, which are the
// user's code, and the edges are told to it: of a value, by the place it lies in, and of the close. What is published by a
// hidden lock must have been made hidden, too: waiters are. Nothing in other builds.
namespace weft {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool race_detector = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool race_detector = true;
#else
inline constexpr bool race_detector = false;
#endif
#else
inline constexpr bool race_detector = false;
#endif

class hidden_from_race_detector {
public:
    hidden_from_race_detector() noexcept { begin(); }
    ~hidden_from_race_detector() { end(); }
    hidden_from_race_detector(const hidden_from_race_detector&) = delete;
    hidden_from_race_detector& operator=(const hidden_from_race_detector&) = delete;

    static void begin() noexcept {
        if constexpr (race_detector) {
            AnnotateIgnoreSyncBegin(nullptr, 0);
            AnnotateIgnoreReadsBegin(nullptr, 0);
            AnnotateIgnoreWritesBegin(nullptr, 0);
        }
    }
    static void end() noexcept {
        if constexpr (race_detector) {
            AnnotateIgnoreWritesEnd(nullptr, 0);
            AnnotateIgnoreReadsEnd(nullptr, 0);
            AnnotateIgnoreSyncEnd(nullptr, 0);
        }
    }
};

// Within what is hidden: the user's code, seen again.
class seen_by_race_detector {
public:
    seen_by_race_detector() noexcept { hidden_from_race_detector::end(); }
    ~seen_by_race_detector() { hidden_from_race_detector::begin(); }
    seen_by_race_detector(const seen_by_race_detector&) = delete;
    seen_by_race_detector& operator=(const seen_by_race_detector&) = delete;
};

// The edge between whoever calls edge_to and whoever then calls edge_from with the same place. Outside of what is hidden, or
// within what is seen again.
inline void edge_from([[maybe_unused]] const void* place) noexcept {
    if constexpr (race_detector) __tsan_acquire(const_cast<void*>(place));
}
inline void edge_to([[maybe_unused]] const void* place) noexcept {
    if constexpr (race_detector) __tsan_release(const_cast<void*>(place));
}

} // namespace weft
