// SPDX-License-Identifier: BSL-1.0
//
// A game loop that yields a state after each step, as the generator of the C++ text. It has a stack of its
// own, so it may yield from any depth, and wait; dropped in the middle, it ends like any scope.
//
//   build/release/examples/patterns/game_loop_generator
#include <weft/generator.hpp>
#include <weft/run.hpp>

#include <cstdio>

struct game_state {
    int tick = 0;
    int height = 0;
    int speed = 0;
};

void update_physics(game_state& state) {
    state.height += state.speed;
    state.speed -= 1;
}
void update_ai(game_state& state) {
    if (state.height <= 0) state.speed = 3; // jumps
}

weft::generator<game_state> game_loop() {
    return weft::generator<game_state>([](auto& yield) {
        for (game_state state;; ++state.tick) {
            update_physics(state);
            update_ai(state);
            yield(state);
        }
    });
}

int main() {
    weft::run([] {
        for (const game_state& state : game_loop()) {
            std::printf("tick %d: height %d, speed %d\n", state.tick, state.height, state.speed);
            if (state.tick == 7) break;
        }
    });
}
