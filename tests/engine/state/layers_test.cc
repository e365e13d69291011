// Stores of which only a part is in memory, against maps: random operations, evictions, checkpoints that are
// behind, and restarts over what they hold.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/functions/registry.h"
#include "engine/state/aggregate_store.h"
#include "engine/state/row_store.h"
#include "engine/testing/memory_checkpoints.h"

namespace engine {
namespace {

// MILLRACE_MODEL_STEPS and MILLRACE_MODEL_SEED: a million steps by hand.
uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr uint64_t kKeys = 60;
using Rows = std::map<std::string, std::string>;

// What both kinds of stores can do, by keys and texts.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  virtual void change(const std::string& key, uint64_t number) = 0;
  virtual bool erase(const std::string& key) = 0;  // false: it cannot
  virtual std::string find(const std::string& key) = 0;
  // Adds to `found` what the next step of the scan shows; false at the end.
  virtual bool scan(StoreCursor& cursor,
                    std::vector<std::pair<std::string, std::string>>& found) = 0;
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
  bool scan(StoreCursor& cursor, std::vector<std::pair<std::string, std::string>>& found) override {
    RowStore::Loose loose;
    return store_
        .scan(cursor, 3, loose,
              [&](std::string_view key, const RowStore::Row& row) {
                found.emplace_back(key, row.bytes);
                return true;
              })
        .value();
  }

 private:
  RowStore store_;
};

class GroupSubject final : public Subject {
 public:
  GroupSubject() : store_({latest()}, false) {}
  Store& store() override { return store_; }
  void change(const std::string& key, uint64_t number) override {
    Column column(TypeKind::Bigint);
    column.append(static_cast<int64_t>(number));
    const std::vector<const Column*> arguments{&column};
    GroupSlot& slot = *store_.touch(key).value();
    const AggregateInstance& instance = store_.instances()[0];
    ASSERT_TRUE(instance.def->accumulator.update(instance, store_.state(slot, 0), arguments, 0));
  }
  bool erase(const std::string&) override { return false; }
  std::string find(const std::string& key) override {
    const GroupSlot* group = store_.find(key).value();
    return group ? text(*group) : "";
  }
  bool scan(StoreCursor& cursor, std::vector<std::pair<std::string, std::string>>& found) override {
    AggregateStore::Loose loose(store_);
    return store_
        .scan(cursor, 3, loose,
              [&](const GroupSlot& group) { found.emplace_back(*group.key, text(group)); })
        .value();
  }

 private:
  static AggregateInstance latest() {
    AggregateInstance instance;
    instance.def = Registry::instance().find("LATEST_BY_OFFSET").front().aggregate;
    instance.argument_types = {TypeKind::Bigint};
    instance.result_type = TypeKind::Bigint;
    return instance;
  }
  std::string text(const GroupSlot& group) const {
    Column result(TypeKind::Bigint);
    const AggregateInstance& instance = store_.instances()[0];
    instance.def->accumulator.result(instance, store_.state(group, 0), result);
    return std::to_string(result.value_at(0).as_int64());
  }
  AggregateStore store_;
};

// A store with what is durable of it: a journal of commits, and a checkpoint of the first of them.
class Model {
 public:
  Model(uint64_t seed, bool has_rows) : random_(seed), has_rows_(has_rows) { open(); }

  void step() {
    switch (random_.next() % 12) {
      case 0:
        return commit();
      case 1:
        return store_some();
      case 2:
        subject_->store().evict(1 + random_.next() % (2 * kKeys));
        return;
      case 3:
        if (random_.next() % 20 == 0) restart();
        return;
      case 4:
        return scan_some();
      case 5:
      case 6:
        return look_up();
      case 7:
        return erase();
      default:
        return change();
    }
  }
  void check_all() {
    for (uint64_t i = 0; i < kKeys; ++i) look_up(key(i));
    ASSERT_EQ(subject_->store().size(), now_.size());
  }
  size_t reads() const { return reads_; }

 private:
  struct Commit {
    uint64_t sequence;
    StateChanges changes;
    size_t size;
    Rows rows;  // as of it
  };
  static std::string key(uint64_t number) { return "key" + std::to_string(number); }
  std::string any_key() { return key(random_.next() % kKeys); }

  void open() {
    subject_ = has_rows_ ? std::unique_ptr<Subject>(std::make_unique<RowSubject>())
                         : std::make_unique<GroupSubject>();
    subject_->store().open_over(backing_);
  }
  void change() {
    const std::string at = any_key();
    const uint64_t number = random_.next() % 1'000'000;
    subject_->change(at, number);
    now_[at] = std::to_string(number);
    note_changed(at);
  }
  void erase() {
    const std::string at = any_key();
    if (!subject_->erase(at)) return;
    now_.erase(at);
    note_changed(at);
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
    ASSERT_EQ(commit.size, now_.size());
  }
  // The entries of some commits go into the backing, one by one; a crash may leave some of them.
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
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<ptrdiff_t>(count));
    subject_->store().note_stored(stored_);
  }
  void restart() {
    reads_ += backing_.reads();
    end_scan();
    open();
    size_t size = stored_size_;
    now_ = stored_rows_;
    for (const Commit& commit : journal_) {
      StateChangeReader changes(commit.changes.bytes());
      for (StateEntry entry; changes.next(entry);)
        ASSERT_TRUE(subject_->store().restore(entry, commit.sequence));
      size = commit.size;
      now_ = commit.rows;
    }
    subject_->store().restore_size(size);
    subject_->store().begin_commit(sequence_ + 1);
    ASSERT_EQ(subject_->store().size(), now_.size());
  }
  // A scan shows each row once at most; those that were there all the time once, and with a value that it
  // had meanwhile.
  void scan_some() {
    if (!scan_) scan_.emplace().steady = now_;
    const size_t before = scan_->found.size();
    const bool has_more = subject_->scan(scan_->cursor, scan_->found);
    for (size_t i = before; i < scan_->found.size(); ++i) {
      const auto& [at, value] = scan_->found[i];
      const auto expected = now_.find(at);
      ASSERT_TRUE(expected != now_.end() && expected->second == value) << at << " is " << value;
    }
    scan_->is_done = !has_more;
    if (!has_more) end_scan();
  }
  void end_scan() {
    if (!scan_) return;
    std::map<std::string, int> times;
    for (const auto& [at, value] : scan_->found)
      ASSERT_EQ(++times[at], 1) << at << " is seen twice";
    if (scan_->is_done) {
      for (const auto& [at, value] : scan_->steady) ASSERT_EQ(times[at], 1) << at << " is not seen";
    }
    scan_.reset();
  }
  void note_changed(const std::string& at) {
    if (scan_ && !now_.contains(at)) scan_->steady.erase(at);
  }

  Random random_;
  const bool has_rows_;
  MemoryBacking backing_;
  std::unique_ptr<Subject> subject_;
  Rows now_, stored_rows_;
  std::deque<Commit> journal_;
  uint64_t sequence_ = 0, stored_ = 0;
  size_t stored_size_ = 0, reads_ = 0;
  struct Scan {
    StoreCursor cursor;
    std::vector<std::pair<std::string, std::string>> found;
    Rows steady;  // there since it began
    bool is_done = false;
  };
  std::optional<Scan> scan_;
};

TEST(Layers, a_store_is_as_a_map_however_little_of_it_is_in_memory) {
  const uint64_t steps = number_of("MILLRACE_MODEL_STEPS", 20'000);
  const uint64_t first_seed = number_of("MILLRACE_MODEL_SEED", 1);
  for (const bool has_rows : {true, false})
    for (uint64_t seed = first_seed; seed < first_seed + 5; ++seed) {
      Model model(seed, has_rows);
      for (uint64_t step = 0; step < steps; ++step) {
        model.step();
        ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " step " << step;
      }
      model.check_all();
      EXPECT_GT(model.reads(), steps / 100) << "the backing was not asked";
    }
}

}  // namespace
}  // namespace engine
