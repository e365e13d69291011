// A sort that can be interrupted. It sorts runs of a few thousand items, one run per call, and then
// merges the runs item by item. The reason: sorting a million windows that close at the same time
// takes a second, and the thread must not be blocked for a second.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace engine {

// Use: add() every item, call prepare() until it returns true, then next() until empty().
// Threads: one.
template <class T, class Less = std::less<T>>
class SlicedSort {
 public:
  static constexpr size_t kRunSize = 4096;  // about a millisecond to sort

  void add(T item) { items_.push_back(std::move(item)); }
  // Reserves memory for the items. Call before add() if the number of items is known; otherwise
  // growth copies all items in one step.
  void reserve(size_t items) { items_.reserve(items); }
  size_t size() const { return items_.size(); }

  // Sorts one more run. Returns true when next() may be called.
  bool prepare() {
    if (sorted_ < items_.size()) {
      const size_t end = std::min(items_.size(), sorted_ + kRunSize);
      const auto first = items_.begin();
      std::sort(first + static_cast<ptrdiff_t>(sorted_), first + static_cast<ptrdiff_t>(end),
                less_);
      runs_.push_back({sorted_, end});
      sorted_ = end;
      if (sorted_ < items_.size()) return false;
      std::ranges::make_heap(runs_, [this](const Run& a, const Run& b) { return after(a, b); });
    }
    return true;
  }

  size_t left() const { return items_.size() - taken_; }
  bool empty() const { return left() == 0; }

  T next() {
    const auto later = [this](const Run& a, const Run& b) { return after(a, b); };
    std::ranges::pop_heap(runs_, later);
    Run& run = runs_.back();
    T item = items_[run.at++];
    ++taken_;
    if (run.at == run.end)
      runs_.pop_back();
    else
      std::ranges::push_heap(runs_, later);
    return item;
  }

 private:
  struct Run {
    size_t at, end;
  };
  bool after(const Run& a, const Run& b) const { return less_(items_[b.at], items_[a.at]); }

  [[no_unique_address]] Less less_;
  std::vector<T> items_;
  std::vector<Run> runs_;  // a heap, once all runs are sorted
  size_t sorted_ = 0, taken_ = 0;
};

}  // namespace engine
