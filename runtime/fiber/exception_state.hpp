// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace weft {

// What the C++ runtime keeps of a thread's exceptions: those caught and not yet done with, and how many are
// being thrown. A fiber that is suspended in a catch block, or in a destructor that unwinding runs, would
// leave both words to the thread and may go on on another one. So whoever switches takes them before and, on
// returning from the switch, puts them to the thread it is then on; a fresh fiber and a worker's own stack
// clear them. Between a switch and that, nothing may throw or catch.
//
// One a worker, used by its thread. It holds the address of the thread's words, since to ask the C++ runtime
// for it at each switch would cost four times as much.
class exception_state {
public:
    struct saved {
        void* caught;
        unsigned uncaught;
    };

    // By the thread itself, before anything else.
    void attach() noexcept;

    saved take() const noexcept { return {words_->caught, words_->uncaught}; }
    void put(const saved& theirs) noexcept {
        words_->caught = theirs.caught;
        words_->uncaught = theirs.uncaught;
    }
    void clear() noexcept { put({nullptr, 0}); }
    unsigned uncaught() const noexcept { return words_->uncaught; }

private:
    saved* words_ = nullptr; // __cxa_eh_globals, laid out by the Itanium C++ ABI (2.2.2)
};

} // namespace weft
