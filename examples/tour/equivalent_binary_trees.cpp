// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/7 and 8, equivalent binary trees: two trees of different shape may hold the same
// sequence of values. A fiber walks each, recursively, and sends what it finds; comparing the two channels
// is then a loop.
//
//   build/release/examples/tour/equivalent_binary_trees
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>

struct tree {
    int value;
    std::unique_ptr<tree> left{};
    std::unique_ptr<tree> right{};
};

void insert(std::unique_ptr<tree>& into, int value) {
    if (!into)
        into = std::make_unique<tree>(tree{value});
    else
        insert(value < into->value ? into->left : into->right, value);
}

// k, 2k, ... 10k in a random shape
std::unique_ptr<tree> make_tree(int k) {
    std::array values{k, 2 * k, 3 * k, 4 * k, 5 * k, 6 * k, 7 * k, 8 * k, 9 * k, 10 * k};
    std::shuffle(values.begin(), values.end(), std::random_device());
    std::unique_ptr<tree> root;
    for (const int value : values) insert(root, value);
    return root;
}

void send_values(const tree* of, const weft::sender<int>& to) {
    if (of == nullptr) return;
    send_values(of->left.get(), to);
    to.send(of->value);
    send_values(of->right.get(), to);
}

void walk(const tree* root, const weft::sender<int>& to) {
    send_values(root, to);
    to.close();
}

bool same(const tree* a, const tree* b) {
    const weft::channel<int> from_a(0);
    const weft::channel<int> from_b(0);
    weft::go(walk, a, from_a).detach();
    weft::go(walk, b, from_b).detach();
    bool equal = true;
    for (;
        ;) { // to the end even if they differ: the walkers would wait for ever for somebody to take their values
        const std::optional<int> x = from_a.recv();
        const std::optional<int> y = from_b.recv();
        if (!x && !y) return equal;
        if (x != y) equal = false;
    }
}

int main() {
    weft::run([] {
        const auto tree = make_tree(1);
        const weft::channel<int> values(0);
        weft::go(walk, tree.get(), values).detach();
        for (const int value : values) std::printf("%d\n", value);

        std::puts(same(make_tree(1).get(), make_tree(1).get()) ? "true" : "false");
        std::puts(same(make_tree(1).get(), make_tree(2).get()) ? "true" : "false");
    });
}
