#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "storage/kv/commit_journal.h"
#include "storage/kv/deferred_writes.h"
#include "storage/kv/journal_replay.h"
#include "storage/kv/lmdb_snapshot.h"
#include "storage/kv/lmdb_store.h"
#include "storage/kv/pending_changes.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

// After a power cut, a page of the file may have its contents from an earlier version. durable_version is the
// oldest of the collected versions from which pages may come; each sync raises it. A sync by the writing thread
// makes the version durable that this thread is about to commit. A sync by another thread makes the contents
// durable that the file had when the sync began. These contents are therefore added as a separate version.
std::atomic<size_t> version_at_hand, durable_version;
const std::thread::id writing_thread = std::this_thread::get_id();
std::mutex mutex;
std::function<void()> add_version;  // guarded by mutex
std::atomic<ino_t> versioned_file;  // syncs of other files are ignored
std::function<void()> before_sync;  // called by the writing thread

bool is_versioned(int file) {
  struct stat found;
  return ::fstat(file, &found) == 0 && found.st_ino == versioned_file;
}

size_t version_of_sync() {
  if (std::this_thread::get_id() == writing_thread) return version_at_hand;
  std::lock_guard lock(mutex);
  if (!add_version) return 0;
  add_version();
  return version_at_hand - 1;
}

void note_sync(size_t covered) {
  size_t known = durable_version;
  while (known < covered && !durable_version.compare_exchange_weak(known, covered)) {
  }
}

}  // namespace
}  // namespace storage

// Replaces the function of the C library, for LMDB as well.
extern "C" int fdatasync(int file) {
  const bool is_versioned = storage::is_versioned(file);
  const size_t version = is_versioned ? storage::version_of_sync() : 0;
  if (storage::before_sync && std::this_thread::get_id() == storage::writing_thread)
    storage::before_sync();
  const auto status = static_cast<int>(::syscall(SYS_fdatasync, file));
  if (status == 0 && is_versioned) storage::note_sync(version);
  return status;
}

namespace storage {
namespace {

constexpr size_t kPage = 4096;
using Model = std::map<std::string, std::map<std::string, std::string>>;

std::string content_of(const std::string& path) {
  // Reads the file in one go, since pending changes are written after 20 ms while a test reads.
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string content(static_cast<size_t>(in.tellg()), '\0');
  in.seekg(0);
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}
void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

Result<std::unique_ptr<KeyValueStore>> open(const std::string& directory) {
  return open_lmdb_store(directory,
                         {.kind = "test", .map_size_bytes = 64 << 20, .has_commit_journal = true});
}

Model model_of(const std::string& directory) {
  const auto snapshot = LmdbSnapshot::open(directory + "/test.mdb");
  if (!snapshot) {
    ADD_FAILURE() << snapshot.error().message;
    return {};
  }
  Model model;
  for (const auto& table : (*snapshot)->tables()) {
    if (table.name == "format") continue;
    auto& entries = model[table.name];
    EXPECT_TRUE((*snapshot)->visit(table.name, [&](const Entry& entry) -> Status {
      entries[std::string(entry.key)] = entry.value;
      return {};
    }));
  }
  return model;
}

// Commits one transaction with any operations that a store offers, to the store and to the model of its contents.
class Writer {
 public:
  explicit Writer(unsigned seed) : chance_(seed) {}
  size_t below(size_t end) { return chance_() % end; }

  void commit_some(KeyValueStore& store, Model& model) {
    auto write = store.begin_write().value();
    if (below(6) == 0) {  // an empty commit, for which LMDB syncs nothing
      ASSERT_TRUE(write->commit());
      return;
    }
    Model next = model;
    const size_t changes = 1 + below(6);
    for (size_t i = 0; i < changes; ++i) change(*write, next);
    if (below(10) == 0) return;  // the transaction is dropped
    ASSERT_TRUE(write->commit());
    model = next;
  }

 private:
  std::string key() { return "k" + std::to_string(below(200)); }
  void change(WriteTransaction& write, Model& model) {
    const std::string name = "t" + std::to_string(below(3));
    const TableHandle table = write.open_table(name, KeyOrder::Bytes).value();
    auto& entries = model[name];
    const size_t kind = below(40);
    if (kind == 0) {
      ASSERT_TRUE(write.clear_table(table));
      entries.clear();
    } else if (kind < 8) {
      const std::string gone = key();
      EXPECT_EQ(write.erase(table, gone).value(), entries.erase(gone) == 1);
    } else if (kind < 12) {
      const std::string first = key(), end = first + "~";
      const size_t most = 1 + below(4);
      size_t count = write.erase_range(table, first, end, {.max_count = most})->count;
      for (auto at = entries.lower_bound(first); count > 0; --count) at = entries.erase(at);
    } else if (kind < 16) {
      const std::string last = "z" + std::to_string(1'000'000 + appended_++);
      ASSERT_TRUE(write.append(table, last, "appended"));
      entries[last] = "appended";
    } else {
      const std::string changed = key();
      // Some changes are too large for the journal.
      const size_t size = kind == 39 ? JournalBytes : below(kind < 30 ? 40 : 9000);
      const std::string value(size, static_cast<char>('a' + below(26)));
      ASSERT_TRUE(write.put(table, changed, value));
      entries[changed] = value;
    }
  }
  static constexpr size_t JournalBytes = 150 << 10;
  std::mt19937 chance_;
  size_t appended_ = 0;
};

// The possible contents of a disk after a power cut: each page has any version since the last known sync.
std::string lost_some(const std::vector<std::string>& versions, size_t first, Writer& chance) {
  std::string file(versions.back().size(), '\0');
  for (size_t page = 0; page * kPage < file.size(); ++page) {
    const std::string& version = versions[first + chance.below(versions.size() - first)];
    if (page * kPage < version.size())
      file.replace(page * kPage, kPage, version.substr(page * kPage, kPage));
  }
  return file;
}

// Collects the contents of the file after each commit, and the time at which another thread began
// to sync it.
class Versions {
 public:
  explicit Versions(const std::string& directory) : path_(directory + "/test.mdb") {
    struct stat found;
    EXPECT_EQ(::stat(path_.c_str(), &found), 0);
    versioned_file = found.st_ino;
    std::lock_guard lock(mutex);
    durable_version = 0;
    add_held();
    add_version = [this] { add_held(); };
  }
  ~Versions() {
    std::lock_guard lock(mutex);
    add_version = {};
  }
  void add() {
    std::lock_guard lock(mutex);
    add_held();
  }
  std::string lost_some(size_t first, Writer& chance) {
    std::lock_guard lock(mutex);
    return storage::lost_some(files_, first, chance);
  }

 private:
  void add_held() {
    files_.push_back(content_of(path_));
    version_at_hand = files_.size();
  }
  const std::string path_;
  std::vector<std::string> files_;
};

CommitId newest(KeyValueStore& store) { return store.begin_read().value()->commit_id(); }

TEST(JournaledCommits, after_any_loss_of_data_pages_all_commits_exist) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    const ScratchDirectory directory;
    Writer writer(seed);
    auto store = open(directory.path()).value();
    Model model;
    Versions versions(directory.path());
    for (int i = 0; i < 130; ++i) {
      writer.commit_some(*store, model);
      versions.add();
      // leaves time for syncs
      if (i % 50 == 49) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (i % 26 != 25) continue;
      const std::string journal = content_of(directory.path() + "/test.journal");
      const size_t durable = durable_version;
      const CommitId last = newest(*store);
      for (int loss = 0; loss < 3; ++loss) {
        const ScratchDirectory after;
        write_file(after.path() + "/test.mdb", versions.lost_some(durable, writer));
        write_file(after.path() + "/test.journal", journal);
        EXPECT_EQ(model_of(after.path()), model);
        const auto again = open(after.path());
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(newest(**again), last);
      }
    }
  }
}

// A recovery is interrupted again and again. Each one must begin with the same root (commit of the data file), and
// repeat all pending changes of the journal.
TEST(JournaledCommits, an_interrupted_recovery_is_repeated) {
  const ScratchDirectory directory;
  Writer writer(5);
  auto store = open(directory.path()).value();
  Model model;
  size_t deaths = 0;
  for (int i = 0; i < 120; ++i) {
    writer.commit_some(*store, model);
    if (i % 12 != 11) continue;
    const ScratchDirectory after;
    const std::string data = after.path() + "/test.mdb", journal = after.path() + "/test.journal";
    write_file(data, content_of(directory.path() + "/test.mdb"));
    const std::string entries = content_of(directory.path() + "/test.journal");
    write_file(journal, entries);
    // Copies both files before each sync of the data file. The journal must be durable at this time: a new journal
    // gets its first entry before the data file refers to it.
    std::vector<std::pair<std::string, std::string>> died;
    before_sync = [&] { died.emplace_back(content_of(data), content_of(journal)); };
    ASSERT_TRUE(open(after.path()));
    before_sync = {};
    for (const auto& [content, entries_then] : died) {
      write_file(data, content);
      write_file(journal, entries_then);
      EXPECT_EQ(model_of(after.path()), model);
      ++deaths;
    }
  }
  EXPECT_GT(deaths, 20u);
}

// Writes deferred commits to tables that are open, mixed with other commits and reads.
class DeferringWriter {
 public:
  DeferringWriter(KeyValueStore& store, unsigned seed)
      : store_(store), deferred_(dynamic_cast<DeferredWrites&>(store)), others_(seed) {
    auto write = store_.begin_write().value();
    table_ = write->open_table("d", KeyOrder::Bytes).value();
    EXPECT_TRUE(write->put(table_, "begun", ""));
    put_ = write->open_table("p", KeyOrder::Bytes).value();
    EXPECT_TRUE(write->put(put_, "begun", ""));
    EXPECT_TRUE(write->commit());
  }

  void commit_some(Model& model) {
    model["d"]["begun"];
    model["p"]["begun"];
    const size_t kind = others_.below(20);
    if (kind == 0) return others_.commit_some(store_, model);
    if (kind == 1) return expect(model["d"]);
    auto write = deferred_.begin_deferred();
    if (!write) return others_.commit_some(store_, model);
    const CommitId commit = write->commit_id();
    auto next = model["d"], next_put = model["p"];
    // A table without appends can be read in a deferred transaction: it shows the values of all earlier commits.
    for (size_t left = others_.below(4); left > 0; --left) {
      const std::string key = "k" + std::to_string(others_.below(30));
      const auto stored = write->get(put_, key);
      ASSERT_TRUE(stored);
      const auto known = next_put.find(key);
      ASSERT_EQ(stored->has_value(), known != next_put.end()) << key;
      if (*stored) {
        EXPECT_EQ(**stored, known->second);
      }
      const std::string value = std::to_string(appended_) + "." + std::to_string(left);
      ASSERT_TRUE(write->put(put_, key, value));
      next_put[key] = value;
    }
    for (size_t left = 1 + others_.below(3); left > 0; --left) {
      const std::string key = "k" + std::to_string(others_.below(300)),
                        value(others_.below(200), 'v');
      ASSERT_TRUE(write->put(table_, key, value));
      next[key] = value;
    }
    const std::string last = "z" + std::to_string(1'000'000 + appended_++);
    ASSERT_TRUE(write->append(table_, last, "appended"));
    next[last] = "appended";
    if (kind == 2) return;  // the transaction is dropped
    ASSERT_TRUE(write->commit());
    ++deferred_count;
    model["d"] = next;
    model["p"] = next_put;
    if (kind == 3) {
      write.reset();
      EXPECT_EQ(store_.begin_read().value()->commit_id(), commit);
    }
  }
  size_t below(size_t end) { return others_.below(end); }
  Writer& others() { return others_; }
  size_t deferred_count = 0;

 private:
  void expect(const std::map<std::string, std::string>& entries) {
    const auto read = store_.begin_read().value();
    const auto cursor = read->cursor(table_).value();
    auto expected = entries.begin();
    for (auto entry = cursor->first().value(); entry; entry = cursor->next().value(), ++expected) {
      ASSERT_NE(expected, entries.end());
      EXPECT_EQ(entry->key, expected->first);
      EXPECT_EQ(entry->value, expected->second);
    }
    EXPECT_EQ(expected, entries.end());
  }
  KeyValueStore& store_;
  DeferredWrites& deferred_;
  Writer others_;
  TableHandle table_, put_;
  size_t appended_ = 0;
};

TEST(JournaledCommits, deferred_commits_are_visible_at_once_and_survive_a_power_cut) {
  for (unsigned seed = 11; seed <= 14; ++seed) {
    SCOPED_TRACE(seed);
    const ScratchDirectory directory;
    auto store = open(directory.path()).value();
    DeferringWriter writer(*store, seed);
    Model model;
    Versions versions(directory.path());
    for (int i = 0; i < 200; ++i) {
      writer.commit_some(model);
      versions.add();
      // leaves time for syncs
      if (i % 50 == 49) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (i % 37 != 36) continue;
      const std::string journal = content_of(directory.path() + "/test.journal");
      const size_t durable = durable_version;
      for (int loss = 0; loss < 3; ++loss) {
        const ScratchDirectory after;
        write_file(after.path() + "/test.mdb", versions.lost_some(durable, writer.others()));
        write_file(after.path() + "/test.journal", journal);
        EXPECT_EQ(model_of(after.path()), model);
        const auto again = open(after.path());
        ASSERT_TRUE(again) << again.error().message;
      }
    }
    EXPECT_GT(writer.deferred_count, 50u);
  }
}

TEST(JournaledCommits, deferred_commits_are_in_a_file_that_was_closed) {
  const ScratchDirectory directory;
  Model model;
  {
    auto store = open(directory.path()).value();
    DeferringWriter writer(*store, 21);
    for (int i = 0; i < 200; ++i) writer.commit_some(model);
  }
  std::filesystem::remove(directory.path() + "/test.journal");
  EXPECT_EQ(model_of(directory.path()), model);
}

// Another process sees the commits a little later.
TEST(JournaledCommits, deferred_commits_are_written_without_a_request) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  DeferringWriter writer(*store, 22);
  Model model;
  for (int i = 0; i < 100; ++i) writer.commit_some(model);
  for (int i = 0; i < 6000 && model_of(directory.path()) != model; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(model_of(directory.path()), model);
}

// Deferring pages is useful only if several commits are then written together.
TEST(JournaledCommits, nothing_is_deferred_where_each_is_read_at_once) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  auto& deferred = dynamic_cast<DeferredWrites&>(*store);
  auto first = store->begin_write().value();
  const TableHandle table = first->open_table("d", KeyOrder::Bytes).value();
  ASSERT_TRUE(first->put(table, "a", "0"));
  ASSERT_TRUE(first->commit());
  const auto count_deferred = [&](int commits, bool is_each_read) {
    int count = 0;
    for (int i = 0; i < commits; ++i) {
      auto write = deferred.begin_deferred();
      count += write != nullptr;
      if (!write) write = store->begin_write().value();
      EXPECT_TRUE(write->put(table, "a", std::to_string(i)));
      EXPECT_TRUE(write->commit());
      write.reset();
      if (is_each_read) {
        EXPECT_TRUE(store->begin_read());
      }
    }
    return count;
  };
  EXPECT_EQ(count_deferred(100, false), 100);
  EXPECT_LT(count_deferred(1000, true), 300);
  EXPECT_GT(count_deferred(2000, false), 1000);
  EXPECT_EQ(count_deferred(100, false), 100);
}

// A deferred commit reserves space for the pages of at most kMostTables tables.
TEST(JournaledCommits, deferred_commits_change_a_few_tables_only) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  auto& deferred = dynamic_cast<DeferredWrites&>(*store);
  constexpr size_t kTables = PendingChanges::kMostTables + 1;
  std::vector<TableHandle> tables;
  auto first = store->begin_write().value();
  for (size_t i = 0; i < kTables; ++i) {
    tables.push_back(first->open_table("t" + std::to_string(i), KeyOrder::Bytes).value());
    ASSERT_TRUE(first->put(tables[i], "a", "0"));
  }
  ASSERT_TRUE(first->commit());
  auto large = deferred.begin_deferred();
  for (const TableHandle table : tables) ASSERT_TRUE(large->put(table, "a", "1"));
  EXPECT_FALSE(large->commit());
  EXPECT_TRUE(large->has_failed());
  large.reset();
  std::map<CommitId, std::set<size_t>> changed;
  for (size_t i = 0; i < 10 * kTables; ++i) {
    auto write = deferred.begin_deferred();
    ASSERT_TRUE(write->put(tables[i % kTables], "a", "2"));
    ASSERT_TRUE(write->commit());
    changed[write->commit_id()].insert(i % kTables);
  }
  for (const auto& [commit, its] : changed) EXPECT_LT(its.size(), kTables);
}

// Each changed key may be in another page, and the file must have space for these pages before a deferred commit is
// answered. So the number of keys in a deferred commit is limited.
TEST(JournaledCommits, deferred_commits_put_into_a_few_places_only) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  auto& deferred = dynamic_cast<DeferredWrites&>(*store);
  auto first = store->begin_write().value();
  const TableHandle table = first->open_table("t", KeyOrder::Bytes).value();
  ASSERT_TRUE(first->put(table, "a", "0"));
  ASSERT_TRUE(first->commit());
  const auto key = [](size_t i) { return "k" + std::to_string(i * 7919 % 10'007); };
  auto large = deferred.begin_deferred();
  for (size_t i = 0; i <= PendingChanges::kMostPuts; ++i)
    ASSERT_TRUE(large->put(table, key(i), ""));
  EXPECT_FALSE(large->commit());
  large.reset();
  std::map<CommitId, size_t> put;
  for (size_t i = 0; i < 1'000; ++i) {
    auto write = deferred.begin_deferred();
    for (size_t each = 0; each < 5; ++each) ASSERT_TRUE(write->put(table, key(5 * i + each), "1"));
    ASSERT_TRUE(write->commit());
    put[write->commit_id()] += 5;
  }
  for (const auto& [commit, its] : put)
    EXPECT_LE(its, PendingChanges::kMostPutsPending + PendingChanges::kMostPuts);
}

// A reader sees all commits that were durable before it began, and never a part of one, while entries are being
// written.
TEST(JournaledCommits, readers_see_deferred_commits) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  auto& deferred = dynamic_cast<DeferredWrites&>(*store);
  auto first = store->begin_write().value();
  const TableHandle table = first->open_table("d", KeyOrder::Bytes).value();
  ASSERT_TRUE(first->put(table, "a", "0"));
  ASSERT_TRUE(first->put(table, "b", "0"));
  ASSERT_TRUE(first->commit());
  std::atomic<int> done = 0;
  std::atomic<bool> is_over = false;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader)
    readers.emplace_back([&, reader] {
      while (!is_over) {
        const int before = done;
        const auto read = store->begin_read().value();
        const std::string a(read->get(table, "a").value().value()),
            b(read->get(table, "b").value().value());
        EXPECT_EQ(a, b);
        EXPECT_GE(std::stoi(a), before);
        std::this_thread::sleep_for(std::chrono::microseconds(100 + 700 * reader));
      }
    });
  int deferred_count = 0;
  for (int i = 1; i <= 1500; ++i) {
    auto write = deferred.begin_deferred();
    deferred_count += write != nullptr;
    if (!write) write = store->begin_write().value();
    ASSERT_TRUE(write->put(table, "a", std::to_string(i)));
    ASSERT_TRUE(write->put(table, "b", std::to_string(i)));
    ASSERT_TRUE(write->commit());
    done = i;
  }
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(deferred_count,
            90);  // if each commit is read immediately, deferring is only tried sometimes
}

// Each pass opens the files that the last crash left, commits ten times, and simulates the next
// crash: only some of the data file's unsynced pages survive, so the journal must restore the rest.
TEST(JournaledCommits, one_crash_follows_another) {
  Writer writer(7);
  ScratchDirectory first;
  std::string directory = first.path();
  std::vector<std::unique_ptr<ScratchDirectory>> later;
  Model model;
  for (int round = 0; round < 30; ++round) {
    auto store = open(directory);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(model_of(directory), model);
    Versions versions(directory);
    for (int i = 0; i < 10; ++i) {
      writer.commit_some(**store, model);
      versions.add();
    }
    later.push_back(std::make_unique<ScratchDirectory>());
    write_file(later.back()->path() + "/test.mdb", versions.lost_some(durable_version, writer));
    write_file(later.back()->path() + "/test.journal", content_of(directory + "/test.journal"));
    directory = later.back()->path();
  }
}

TEST(JournaledCommits, a_file_that_was_closed_needs_no_journal) {
  const ScratchDirectory directory;
  Writer writer(3);
  Model model;
  {
    auto store = open(directory.path()).value();
    for (int i = 0; i < 20; ++i) writer.commit_some(*store, model);
  }
  std::filesystem::remove(directory.path() + "/test.journal");
  EXPECT_EQ(model_of(directory.path()), model);
  EXPECT_TRUE(open(directory.path()));
}

TEST(JournaledCommits, one_that_was_not_is_refused_without_it) {
  const ScratchDirectory directory, copy;
  Writer writer(3);
  Model model;
  auto store = open(directory.path()).value();
  for (int i = 0; i < 20; ++i) writer.commit_some(*store, model);
  std::filesystem::copy(directory.path() + "/test.mdb", copy.path() + "/test.mdb");
  const auto opened = open(copy.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::StorageFailure);
  EXPECT_TRUE(
      opened.error().message.ends_with("test.mdb was not closed, and its journal is missing"))
      << opened.error().message;
  std::filesystem::copy(directory.path() + "/test.journal", copy.path() + "/test.journal");
  EXPECT_EQ(model_of(copy.path()), model);
}

// An earlier version wrote an entry for each commit, and stored the identity of the journal in the data file in another
// way. Such a journal must still be replayed.
TEST(JournaledCommits, the_journal_of_an_earlier_version_is_read) {
  const ScratchDirectory directory, copy;
  Writer writer(3);
  Model model;
  auto store = open(directory.path()).value();
  for (int i = 0; i < 20; ++i) writer.commit_some(*store, model);
  std::string file = content_of(directory.path() + "/test.mdb");
  ASSERT_EQ(file.substr(2048, 8), "MILLRAC7");
  write_file(copy.path() + "/test.mdb", file.replace(2048, 8, "MILLRACE"));
  const auto without = open(copy.path());
  ASSERT_FALSE(without);
  EXPECT_TRUE(without.error().message.ends_with("its journal is missing"));
  std::filesystem::copy(directory.path() + "/test.journal", copy.path() + "/test.journal");
  EXPECT_EQ(model_of(copy.path()), model);
  EXPECT_TRUE(open(copy.path()));
}

// The limit on file sizes simulates a disk that fails. The entries before the failed one must stay.
TEST(JournaledCommits, an_entry_that_cannot_be_written_takes_none_with_it) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/one.journal";
  const Uuid identity{{7}};
  auto journal = CommitJournal::make(path, identity).value();
  const std::string root(600, 'r');
  ASSERT_TRUE(journal->append({.commit = 2, .changes = "first", .root = root, .root_commit = 1}));
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const bool is_written =
      journal->append({.commit = 3, .changes = "second", .root = {}, .root_commit = 0}).has_value();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(is_written);
  ASSERT_TRUE(journal->take_back());
  const auto replayed = read_journal(path, identity);
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(replayed->last_commit, 2u);
  ASSERT_TRUE(journal->append({.commit = 3, .changes = "again", .root = {}, .root_commit = 0}));
  ASSERT_EQ(read_journal(path, identity)->last_commit, 3u);
}

// The journal belongs to a file that was replaced by another one.
TEST(JournaledCommits, the_journal_of_another_file_is_left_alone) {
  const ScratchDirectory directory, other, mixed;
  Writer writer(5);
  Model model, unused;
  auto store = open(directory.path()).value();
  {
    auto closed = open(other.path()).value();
    for (int i = 0; i < 5; ++i) writer.commit_some(*closed, model);
  }
  for (int i = 0; i < 20; ++i) writer.commit_some(*store, unused);
  std::filesystem::copy(other.path() + "/test.mdb", mixed.path() + "/test.mdb");
  std::filesystem::copy(directory.path() + "/test.journal", mixed.path() + "/test.journal");
  EXPECT_EQ(model_of(mixed.path()), model);
}

TEST(JournaledCommits, entries_that_are_damaged_are_noticed) {
  const ScratchDirectory directory, copy;
  auto store = open(directory.path()).value();
  for (int i = 0; i < 10; ++i) {
    auto write = store->begin_write().value();
    const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(table, "k" + std::to_string(i), "v"));
    ASSERT_TRUE(write->commit());
  }
  std::filesystem::copy(directory.path() + "/test.mdb", copy.path() + "/test.mdb");
  const std::string journal = content_of(directory.path() + "/test.journal");
  const size_t last = journal.rfind("MRCOMMIT"), middle = journal.rfind("MRCOMMIT", last - 2000);
  for (const size_t entry : {size_t{0}, middle}) {
    std::string damaged = journal;
    damaged[entry + 70] = static_cast<char>(damaged[entry + 70] ^ 1);
    write_file(copy.path() + "/test.journal", damaged);
    const auto opened = open(copy.path());
    ASSERT_FALSE(opened) << entry << " of " << last;
    EXPECT_EQ(opened.error().code, ErrorCode::DataCorrupted);
  }
  // A damaged last entry counts as incomplete. An incomplete entry was never acknowledged, so the
  // file opens without it.
  std::string cut = journal;
  cut[last + 70] = static_cast<char>(cut[last + 70] ^ 1);
  write_file(copy.path() + "/test.mdb", content_of(directory.path() + "/test.mdb"));
  write_file(copy.path() + "/test.journal", cut);
  EXPECT_TRUE(open(copy.path()));
}

// The three entries belong to one commit, so the numbers of the commits do not reveal the gap.
TEST(JournaledCommits, a_damaged_entry_of_several_in_one_commit_is_noticed) {
  const ScratchDirectory directory, copy;
  auto store = open(directory.path()).value();
  auto first = store->begin_write().value();
  const TableHandle table = first->open_table("t", KeyOrder::Bytes).value();
  ASSERT_TRUE(first->put(table, "k", "v"));
  ASSERT_TRUE(first->commit());
  std::string data, journal;
  for (int i = 0; i < 100; ++i) {
    auto write = dynamic_cast<DeferredWrites&>(*store).begin_deferred();
    ASSERT_TRUE(write);
    ASSERT_TRUE(write->put(table, "k" + std::to_string(i), "v"));
    ASSERT_TRUE(write->commit());
    journal = content_of(directory.path() + "/test.journal");
    data = content_of(directory.path() + "/test.mdb");
  }
  const size_t last = journal.rfind("MRCONTIN");
  ASSERT_NE(last, std::string::npos);
  for (const size_t back : {1, 2, 3}) {
    const size_t entry = last - back * 512;
    std::string damaged = journal;
    damaged[entry + 70] = static_cast<char>(damaged[entry + 70] ^ 1);
    write_file(copy.path() + "/test.mdb", data);
    write_file(copy.path() + "/test.journal", damaged);
    const auto opened = open(copy.path());
    ASSERT_FALSE(opened) << back;
    EXPECT_EQ(opened.error().code, ErrorCode::DataCorrupted);
  }
}

// The two halves of the journal are used alternately, so a part of the changes stays in the data file for some
// time. The file must not grow because of this.
TEST(JournaledCommits, many_small_commits_take_little_room) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  TableHandle table;
  for (int i = 0; i < 6000; ++i) {
    auto write = store->begin_write().value();
    if (i == 0) table = write->open_table("t", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(table, "k" + std::to_string(i % 100), std::string(1000, 'v')));
    ASSERT_TRUE(write->commit());
  }
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/test.journal"),
            2 * CommitJournal::kHalfBytes);
  EXPECT_LT(std::filesystem::file_size(directory.path() + "/test.mdb"), 16u << 20);
}

}  // namespace
}  // namespace storage
