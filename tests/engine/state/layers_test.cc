// Compares stores with maps. The stores are only partly in memory, and the test makes random
// changes, evictions, late checkpoints, and restarts from checkpoints.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/functions/registry.h"
#include "engine/state/aggregate_store.h"
#include "engine/state/groups_in_order.h"
#include "engine/state/row_store.h"
#include "engine/testing/memory_checkpoints.h"

namespace engine {
namespace {

// Returns the number in an environment variable (MILLRACE_MODEL_STEPS or MILLRACE_MODEL_SEED), which lets a developer
// run a million steps.
uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr uint64_t kKeys = 60;
using Rows = std::map<std::string, std::string>;

// The operations that both kinds of stores have, with keys and values as texts.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  virtual void change(const std::string& key, uint64_t number) = 0;
  virtual bool erase(const std::string& key) = 0;  // returns false if the store cannot erase
  // Removes the windows that begin before this time.
  virtual void expire_before(int64_t) {}
  virtual Rows in_order(int64_t, const std::function<void()>&) { return {}; }
  virtual std::string find(const std::string& key) = 0;
  // Adds the rows of the scan's next step to `found`; returns false at the end.
  using Found = std::vector<std::pair<std::string, std::string>>;
  virtual bool scan(StoreScan& scan, Found& found) = 0;
  // Look-ups of the rows whose keys have a common part with the given key. begin_look_up() returns
  // null if the store does not support such look-ups, or if it has already found all rows.
  virtual bool lies_with(const std::string&, const std::string&) const { return false; }
  virtual StoreScanPtr begin_look_up(const std::string&, Found&) { return nullptr; }
  virtual bool look_up_some(const std::string&, StoreScan&, Found&) { return false; }
};

class RowSubject final : public Subject {
 public:
  Store& store() override { return store_; }
  void change(const std::string& key, uint64_t number) override {
    const auto before = store_.put(key, {std::to_string(number), 1});
    ASSERT_TRUE(before) << before.error().message;
  }
  bool erase(const std::string& key) override {
    EXPECT_TRUE(store_.erase(key));
    return true;
  }
  std::string find(const std::string& key) override {
    const RowStore::Row* row = store_.find(key).value();
    return row ? row->bytes : "";
  }
  bool scan(StoreScan& scan, Found& found) override {
    RowStore::Loose loose;
    return store_.scan(scan, 3, loose, into(found)).value();
  }
  // Returns whether begin_look_up(key) must find `other`: a key of the same length that differs at most in the last
  // byte.
  bool lies_with(const std::string& key, const std::string& other) const override {
    return other.size() == key.size() && other.starts_with(prefix_of(key));
  }
  StoreScanPtr begin_look_up(const std::string& key, Found&) override {
    return store_.begin_look_up(prefix_of(key), key.size()).value();
  }
  bool look_up_some(const std::string& key, StoreScan& scan, Found& found) override {
    RowStore::Loose loose;
    uint64_t changed_in = 0;
    return store_.look_up(scan, prefix_of(key), 3, loose, into(found), changed_in).value();
  }

 private:
  static std::string prefix_of(const std::string& key) { return key.substr(0, key.size() - 1); }
  static RowStore::Visit into(Found& found) {
    return [&](std::string_view key, const RowStore::Row& row) {
      found.emplace_back(key, row.bytes);
      return true;
    };
  }
  RowStore store_{RowStore::Order::ByKey};
};

class GroupSubject final : public Subject {
 public:
  explicit GroupSubject(bool is_windowed)
      : store_({latest()}, is_windowed), is_windowed_(is_windowed) {}
  Store& store() override { return store_; }
  void change(const std::string& key, uint64_t number) override {
    Column column(TypeKind::Bigint);
    column.append(static_cast<int64_t>(number));
    const std::vector<const Column*> arguments{&column};
    GroupSlot& slot = *store_.touch(key_of(key), start_of(key)).value();
    const AggregateInstance& instance = store_.instances()[0];
    ASSERT_TRUE(instance.def->accumulator.update(instance, store_.state(slot, 0), arguments, 0));
  }
  bool erase(const std::string&) override { return false; }
  std::string find(const std::string& key) override {
    if (is_windowed_ && std::hash<std::string>()(key) % 2 == 0) return find_among_windows(key);
    const GroupSlot* group = store_.find(key_of(key), start_of(key)).value();
    return group ? text(*group) : "";
  }
  void expire_before(int64_t start) override {
    EXPECT_TRUE(store_.find_starts().value());
    store_.expire_before(start);
    EXPECT_FALSE(store_.forget_some(SIZE_MAX));
  }
  bool scan(StoreScan& scan, Found& found) override {
    AggregateStore::Loose loose(store_);
    return store_.scan(scan, 3, loose, into(found)).value();
  }
  // A look-up finds the windows of one key.
  bool lies_with(const std::string& name, const std::string& other) const override {
    return is_windowed_ && key_of(name) == key_of(other);
  }
  StoreScanPtr begin_look_up(const std::string& name, Found& found) override {
    const std::string key = key_of(name);
    AggregateStore::KeyWindows at{key};
    return is_windowed_ && next(at, found) ? store_.begin_rest(at) : nullptr;
  }
  bool look_up_some(const std::string& name, StoreScan& scan, Found& found) override {
    const std::string key = key_of(name);
    AggregateStore::KeyWindows at{.key = key, .next = scan.place.start, .scan = &scan};
    const bool has_more = next(at, found);
    scan.place.start = at.next;
    return has_more;
  }

  Rows in_order(int64_t start, const std::function<void()>& between) override {
    EXPECT_TRUE(store_.find_starts().value());
    AggregateStore::InOrder groups(store_, start);
    Rows found;
    std::string last;
    while (!groups.is_at_end()) {
      const std::vector<const GroupSlot*> some = groups.next(2).value();
      for (const GroupSlot* group : some) {
        EXPECT_LT(std::exchange(last, std::string(group->key->view())), group->key->view());
        found[name_of(*group)] = text(*group);
      }
      between();
    }
    return found;
  }
  std::string text(const GroupSlot& group) const {
    Column result(TypeKind::Bigint);
    const AggregateInstance& instance = store_.instances()[0];
    instance.def->accumulator.result(instance, store_.state(group, 0), result);
    return std::to_string(result.value_at(0).as_int64());
  }

 private:
  // Returns the key of "key@start".
  static std::string key_of(const std::string& text) { return text.substr(0, text.find('@')); }
  static int64_t start_of(const std::string& text) {
    const size_t at = text.find('@');
    return at == std::string::npos ? 0 : std::stoll(text.substr(at + 1));
  }
  AggregateStore::VisitSome into(Found& found) const {
    return [&](const GroupSlot& group) {
      found.emplace_back(name_of(group), text(group));
      return true;
    };
  }
  bool next(AggregateStore::KeyWindows& at, Found& found) {
    AggregateStore::Loose loose(store_);
    return store_.next_windows(at, 2, loose, into(found)).value();
  }
  std::string name_of(const GroupSlot& group) const {
    const std::string key(group.key->view());
    return is_windowed_ ? key + "@" + std::to_string(group.window_start) : key;
  }
  std::string find_among_windows(const std::string& name) {
    std::string found;
    int64_t last = -1;
    AggregateStore::Loose loose(store_);
    const std::string key = key_of(name);
    AggregateStore::KeyWindows at{key};
    const auto visit = [&](const GroupSlot& group) {
      EXPECT_LT(std::exchange(last, group.window_start), group.window_start);
      if (group.window_start == start_of(name)) found = text(group);
      return true;
    };
    while (store_.next_windows(at, 2, loose, visit).value()) continue;
    return found;
  }
  static AggregateInstance latest() {
    AggregateInstance instance;
    instance.def = Registry::instance().find("LATEST_BY_OFFSET").front().aggregate;
    instance.argument_types = {TypeKind::Bigint};
    instance.result_type = TypeKind::Bigint;
    return instance;
  }
  AggregateStore store_;
  const bool is_windowed_;
};

// A store with its durable state: a checkpoint with the effects of the older commits, and a journal
// of all later commits.
class Model {
 public:
  enum class Kind { OfRows, OfGroups, OfWindows };
  Model(uint64_t seed, Kind kind) : random_(seed), kind_(kind) { open(); }

  void step() {
    switch (random_.next() % 13) {
      case 0:
        return commit();
      case 1:
        return store_some();
      case 2:
        subject_->store().evict(1 + random_.next() % (2 * kKeys));
        return;
      case 3:
        if (random_.next() % 60 == 0) restart();
        return;
      case 4:
        return scan_some(scans_[random_.next() % scans_.size()]);
      case 5:
      case 6:
        return look_up();
      case 7:
        return erase();
      case 8:
        return kind_ == Kind::OfWindows ? end_window() : change();
      default:
        return change();
    }
  }
  void check_all() {
    for (uint64_t i = 0; i < kKeys; ++i) look_up(key(i));
    check_size();
  }
  size_t reads() const { return reads_; }
  size_t ended_scans() const { return ended_scans_; }

 private:
  struct Commit {
    uint64_t sequence;
    StateChanges changes;
    size_t size;
    Rows rows;  // the rows after this commit
    uint64_t first_window;
  };
  // The number of windows that a key has at a time.
  static constexpr uint64_t kWindows = 6;
  std::string key(uint64_t number) const {
    if (kind_ != Kind::OfWindows) return "key" + std::to_string(number);
    return "key" + std::to_string(number / kWindows) + "@" +
           std::to_string(first_window_ + number % kWindows);
  }
  std::string any_key() { return key(random_.next() % kKeys); }

  void open() {
    subject_ = kind_ == Kind::OfRows ? std::unique_ptr<Subject>(std::make_unique<RowSubject>())
                                     : std::make_unique<GroupSubject>(kind_ == Kind::OfWindows);
    subject_->store().open_over(backing_);
  }
  void change() {
    const std::string at = any_key();
    const uint64_t number = random_.next() % 1'000'000;
    subject_->change(at, number);
    now_[at] = std::to_string(number);
  }
  void erase() {
    const std::string at = any_key();
    if (!subject_->erase(at)) return;
    now_.erase(at);
  }
  // Reads the rows of the first window in order, or expires the window.
  void end_window() {
    if (random_.next() % 10 == 0) {
      ++first_window_;
      subject_->expire_before(static_cast<int64_t>(first_window_));
      const auto is_gone = [&](const auto& row) {
        return std::stoull(row.first.substr(row.first.find('@') + 1)) < first_window_;
      };
      std::erase_if(now_, is_gone);
      for (std::optional<Scan>& scan : scans_)
        if (scan) scan->has_expired = true;
      return;
    }
    Rows expected;
    const std::string at = "@" + std::to_string(first_window_);
    for (const auto& [key, value] : now_)
      if (key.ends_with(at)) expected[key] = value;
    const Rows found = subject_->in_order(static_cast<int64_t>(first_window_), [&] {
      subject_->store().evict(random_.next() % kKeys);
      if (random_.next() % 4 == 0) store_some();
    });
    ASSERT_EQ(found, expected);
  }
  // After a restart, windows that have expired since the checkpoint may still be counted.
  void check_size() {
    if (kind_ == Kind::OfWindows)
      ASSERT_GE(subject_->store().size(), now_.size());
    else
      ASSERT_EQ(subject_->store().size(), now_.size());
  }
  void look_up() { look_up(any_key()); }
  void look_up(const std::string& at) {
    const auto expected = now_.find(at);
    ASSERT_EQ(subject_->find(at), expected == now_.end() ? "" : expected->second) << at;
  }
  void commit() {
    Commit& commit = journal_.emplace_back();
    commit.sequence = ++sequence_;
    subject_->store().take_changes(0, commit.changes);
    commit.size = subject_->store().size();
    commit.rows = now_;
    commit.first_window = first_window_;
    check_size();
  }
  // Writes the entries of some commits to the checkpoint, one by one. A crash may keep some of them.
  void store_some() {
    size_t count = journal_.empty() ? 0 : 1 + random_.next() % journal_.size();
    const bool is_cut = random_.next() % 4 == 0;
    for (size_t i = 0; i < count; ++i) {
      StateChangeReader changes(journal_[i].changes.bytes());
      for (StateEntry entry; changes.next(entry);) {
        if (is_cut && random_.next() % 3 == 0) return;
        backing_.apply(entry);
      }
    }
    if (count == 0 || is_cut) return;
    stored_size_ = journal_[count - 1].size;
    stored_ = journal_[count - 1].sequence;
    stored_rows_ = journal_[count - 1].rows;
    stored_window_ = journal_[count - 1].first_window;
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<ptrdiff_t>(count));
    subject_->store().note_stored(stored_);
  }
  void restart() {
    reads_ += backing_.reads();
    for (std::optional<Scan>& scan : scans_) scan.reset();
    open();
    size_t size = stored_size_;
    now_ = stored_rows_;
    first_window_ = stored_window_;
    for (const Commit& commit : journal_) {
      StateChangeReader changes(commit.changes.bytes());
      for (StateEntry entry; changes.next(entry);)
        ASSERT_TRUE(subject_->store().restore(entry, commit.sequence));
      size = commit.size;
      now_ = commit.rows;
      first_window_ = commit.first_window;
    }
    subject_->store().restore_size(size);
    subject_->store().begin_commit(sequence_ + 1);
    check_size();
  }
  // A scan shows each row that existed when the scan began, once, with the contents of that moment.
  // Only windows that have expired since then may be missing.
  struct Scan;
  void scan_some(std::optional<Scan>& scan) {
    if (!scan) begin(scan);
    for (uint64_t steps = 1 + random_.next() % 3; steps > 0; --steps) {
      if (scan->scan &&
          (scan->key.empty() ? subject_->scan(*scan->scan, scan->found)
                             : subject_->look_up_some(scan->key, *scan->scan, scan->found)))
        continue;
      end(scan);
      return;
    }
  }
  // Begins a scan of all rows, or of the rows that share a part of a key.
  void begin(std::optional<Scan>& scan) {
    if (kind_ == Kind::OfGroups || random_.next() % 2 == 0) {
      scan.emplace(subject_->store().begin_scan(), now_);
      return;
    }
    scan.emplace(nullptr, now_).key = any_key();
    std::erase_if(scan->expected,
                  [&](const auto& row) { return !subject_->lies_with(scan->key, row.first); });
    scan->scan = subject_->begin_look_up(scan->key, scan->found);
  }
  void end(std::optional<Scan>& scan) {
    for (const auto& [at, value] : scan->found) {
      const auto expected = scan->expected.find(at);
      ASSERT_TRUE(expected != scan->expected.end()) << at << " is seen twice, or was not there";
      ASSERT_EQ(expected->second, value) << at;
      scan->expected.erase(expected);
    }
    if (kind_ == Kind::OfWindows && scan->has_expired)
      std::erase_if(scan->expected, [&](const auto& row) {
        return std::stoull(row.first.substr(row.first.find('@') + 1)) < first_window_;
      });
    ASSERT_EQ(scan->expected, Rows());
    ++ended_scans_;
    scan.reset();
  }

  Random random_;
  const Kind kind_;
  MemoryBacking backing_;
  std::unique_ptr<Subject> subject_;
  Rows now_, stored_rows_;
  std::deque<Commit> journal_;
  uint64_t sequence_ = 0, stored_ = 0, first_window_ = 0, stored_window_ = 0;
  size_t stored_size_ = 0, reads_ = 0;
  struct Scan {
    StoreScanPtr scan;
    Rows expected;
    std::vector<std::pair<std::string, std::string>> found = {};
    bool has_expired = false;
    std::string key = {};  // the key of a look-up
  };
  std::array<std::optional<Scan>, 3> scans_;
  size_t ended_scans_ = 0;
};

TEST(Layers, a_store_is_as_a_map_however_little_of_it_is_in_memory) {
  const uint64_t steps = number_of("MILLRACE_MODEL_STEPS", 20'000);
  const uint64_t first_seed = number_of("MILLRACE_MODEL_SEED", 1);
  for (const Model::Kind kind :
       {Model::Kind::OfRows, Model::Kind::OfGroups, Model::Kind::OfWindows})
    for (uint64_t seed = first_seed; seed < first_seed + 5; ++seed) {
      Model model(seed, kind);
      for (uint64_t step = 0; step < steps; ++step) {
        model.step();
        ASSERT_FALSE(HasFailure())
            << "kind " << static_cast<int>(kind) << " seed " << seed << " step " << step;
      }
      model.check_all();
      EXPECT_GT(model.reads(), steps / 100) << "the backing was not asked";
      EXPECT_GT(model.ended_scans(), steps / 1'000);
    }
}

}  // namespace
}  // namespace engine
