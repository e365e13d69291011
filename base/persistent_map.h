// A map whose copies share their common parts.
#pragma once
#include <algorithm>
#include <cassert>
#include <compare>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

// A copy is one pointer. set() and erase() copy the nodes on one path and share all others with
// earlier copies. So an image of ten thousand definitions only costs the changes since the last
// image. Iteration is in the order of the keys. An iterator is valid as long as its map is neither
// changed nor destroyed.
//
// Invariants:
//   1. a node never changes once it is created;
//   2. keys ascend strictly from left to right;
//   3. the heights of two siblings differ by at most two, so that paths are short.
//
// Threads: copies may go anywhere; one map belongs to one thread at a time while it is changed.
template <class Key, class Value>
class PersistentMap {
  struct Node;

 public:
  using value_type = std::pair<const Key, Value>;

  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = PersistentMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return *way_.back()->entry; }
    pointer operator->() const { return way_.back()->entry.get(); }
    const_iterator& operator++() {
      const Node* node = way_.back();
      way_.pop_back();
      descend(node->right.get());
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const const_iterator& other) const {
      if (way_.empty() || other.way_.empty()) return way_.empty() == other.way_.empty();
      return way_.back() == other.way_.back();
    }

   private:
    friend class PersistentMap;
    void descend(const auto* node) {
      for (; node; node = node->left.get()) way_.push_back(node);
    }
    // The path of the iterator. The last element is the current node. The others are nodes above it
    // that the iterator visits later, because it is still below their left children.
    std::vector<const Node*> way_;
  };
  using iterator = const_iterator;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const_iterator begin() const {
    const_iterator first;
    first.descend(root_.get());
    return first;
  }
  const_iterator end() const { return {}; }

  // Returns the first entry whose key is not less than `key`.
  template <class Like>
  const_iterator lower_bound(const Like& key) const {
    const_iterator found;
    for (const Node* node = root_.get(); node;) {
      if (node->entry->first < key) {
        node = node->right.get();
      } else {
        found.way_.push_back(node);
        node = node->left.get();
      }
    }
    return found;
  }
  template <class Like>
  const_iterator find(const Like& key) const {
    const_iterator found = lower_bound(key);
    return found == end() || key < found->first ? end() : found;
  }
  // Returns nullptr if the key does not exist.
  template <class Like>
  const Value* get(const Like& key) const {
    const Node* node = root_.get();
    while (node) {
      if (node->entry->first < key)
        node = node->right.get();
      else if (key < node->entry->first)
        node = node->left.get();
      else
        return &node->entry->second;
    }
    return nullptr;
  }
  template <class Like>
  bool contains(const Like& key) const {
    return get(key) != nullptr;
  }
  // Precondition: the key exists.
  template <class Like>
  const Value& at(const Like& key) const {
    const Value* found = get(key);
    assert(found);
    return *found;
  }

  // Adds the entry, or replaces the entry with the same key.
  void set(Key key, Value value) {
    bool is_new = true;
    auto entry = std::make_shared<const value_type>(std::move(key), std::move(value));
    root_ = with(root_, entry, is_new);
    size_ += is_new ? 1 : 0;
  }
  // Returns whether the key existed.
  template <class Like>
  bool erase(const Like& key) {
    if (!contains(key)) return false;
    root_ = without(root_, key);
    --size_;
    return true;
  }

  bool operator==(const PersistentMap& other) const {
    return size_ == other.size_ && std::equal(begin(), end(), other.begin());
  }

 private:
  using NodePtr = std::shared_ptr<const Node>;
  using EntryPtr = std::shared_ptr<const value_type>;
  struct Node {
    EntryPtr entry;
    NodePtr left, right;
    int height;
  };

  static int height_of(const NodePtr& node) { return node ? node->height : 0; }
  static NodePtr make(EntryPtr entry, NodePtr left, NodePtr right) {
    const int height = 1 + std::max(height_of(left), height_of(right));
    return std::make_shared<const Node>(
        Node{std::move(entry), std::move(left), std::move(right), height});
  }

  // Creates a node with these sides and restores invariant 3. The heights of the sides may differ
  // by three, as after one change below them.
  static NodePtr balanced(const EntryPtr& entry, const NodePtr& left, const NodePtr& right) {
    if (height_of(left) > height_of(right) + 2) {
      if (height_of(left->left) >= height_of(left->right))
        return make(left->entry, left->left, make(entry, left->right, right));
      const NodePtr& middle = left->right;
      return make(middle->entry, make(left->entry, left->left, middle->left),
                  make(entry, middle->right, right));
    }
    if (height_of(right) > height_of(left) + 2) {
      if (height_of(right->right) >= height_of(right->left))
        return make(right->entry, make(entry, left, right->left), right->right);
      const NodePtr& middle = right->left;
      return make(middle->entry, make(entry, left, middle->left),
                  make(right->entry, middle->right, right->right));
    }
    return make(entry, left, right);
  }

  static NodePtr with(const NodePtr& node, const EntryPtr& entry, bool& is_new) {
    if (!node) return make(entry, nullptr, nullptr);
    if (entry->first < node->entry->first)
      return balanced(node->entry, with(node->left, entry, is_new), node->right);
    if (node->entry->first < entry->first)
      return balanced(node->entry, node->left, with(node->right, entry, is_new));
    is_new = false;
    return make(entry, node->left, node->right);
  }

  template <class Like>
  static NodePtr without(const NodePtr& node, const Like& key) {
    if (key < node->entry->first)
      return balanced(node->entry, without(node->left, key), node->right);
    if (node->entry->first < key)
      return balanced(node->entry, node->left, without(node->right, key));
    if (!node->left) return node->right;
    if (!node->right) return node->left;
    const Node* next = node->right.get();
    while (next->left) next = next->left.get();
    return balanced(next->entry, node->left, without(node->right, next->entry->first));
  }

  NodePtr root_;
  size_t size_ = 0;
};
