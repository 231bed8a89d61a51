// Sorting of large elements.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace mdevadm {

// Sorts stably by `less(a, b)`. Moves each element once, and none if the elements are in order: std::sort
// moves some 20 times as many of 10,000.
template <typename T, typename Less>
void sort_moving_once(std::vector<T>& all, const Less& less) {
  if (std::is_sorted(all.begin(), all.end(), less)) {
    return;
  }
  std::vector<T*> order;
  order.reserve(all.size());
  for (T& one : all) {
    order.push_back(&one);
  }
  std::stable_sort(order.begin(), order.end(), [&](const T* a, const T* b) { return less(*a, *b); });
  std::vector<T> result;
  result.reserve(all.size());
  for (T* one : order) {
    result.push_back(std::move(*one));
  }
  all = std::move(result);
}

}  // namespace mdevadm
