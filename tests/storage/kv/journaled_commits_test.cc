#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "storage/kv/commit_journal.h"
#include "storage/kv/journal_replay.h"
#include "storage/kv/lmdb_snapshot.h"
#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

// Of the files that a test collects, the oldest one that a power cut may still take pages of: found by the syncs that
// were really done. One of the thread that writes covers what it is about to commit; one of another thread what was
// there when it began.
std::atomic<size_t> version_at_hand, durable_version;
const std::thread::id writing_thread = std::this_thread::get_id();

void note_sync(size_t version, bool is_writer) {
  const size_t covered = is_writer || version == 0 ? version : version - 1;
  size_t known = durable_version;
  while (known < covered && !durable_version.compare_exchange_weak(known, covered)) {
  }
}

}  // namespace
}  // namespace storage

// In place of the C library's, for LMDB as well.
extern "C" int fdatasync(int file) {
  const size_t version = storage::version_at_hand;
  const auto status = static_cast<int>(::syscall(SYS_fdatasync, file));
  if (status == 0)
    storage::note_sync(version, std::this_thread::get_id() == storage::writing_thread);
  return status;
}

namespace storage {
namespace {

constexpr size_t kPage = 4096;
using Model = std::map<std::string, std::map<std::string, std::string>>;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
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

// One transaction of anything that a store can do, to the store and to what it should hold then.
class Writer {
 public:
  explicit Writer(unsigned seed) : chance_(seed) {}
  size_t below(size_t end) { return chance_() % end; }

  void commit_some(KeyValueStore& store, Model& model) {
    auto write = store.begin_write().value();
    if (below(6) == 0) {  // LMDB syncs nothing for it
      ASSERT_TRUE(write->commit());
      return;
    }
    Model next = model;
    const size_t changes = 1 + below(6);
    for (size_t i = 0; i < changes; ++i) change(*write, next);
    if (below(10) == 0) return;  // thrown away
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
      // Some are too large for the journal.
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

// What a disk may have after a power cut: of each page any version since the last sync, as far as that is known, and
// of the journal all.
std::string lost_some(const std::vector<std::string>& versions, size_t first, Writer& chance) {
  std::string file(versions.back().size(), '\0');
  for (size_t page = 0; page * kPage < file.size(); ++page) {
    const std::string& version = versions[first + chance.below(versions.size() - first)];
    if (page * kPage < version.size())
      file.replace(page * kPage, kPage, version.substr(page * kPage, kPage));
  }
  return file;
}

// The file as it was after each commit.
struct Versions {
  void add(const std::string& directory) {
    files.push_back(content_of(directory + "/test.mdb"));
    version_at_hand = files.size();
  }
  std::vector<std::string> files;
};

CommitId newest(KeyValueStore& store) { return store.begin_read().value()->commit_id(); }

TEST(JournaledCommits, whatever_a_power_cut_takes_of_the_data_file_all_commits_are_there) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    const ScratchDirectory directory;
    Writer writer(seed);
    auto store = open(directory.path()).value();
    Model model;
    Versions versions;
    version_at_hand = durable_version = 0;
    versions.add(directory.path());
    for (int i = 0; i < 130; ++i) {
      writer.commit_some(*store, model);
      versions.add(directory.path());
      if (i % 50 == 49) std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for syncs
      if (i % 26 != 25) continue;
      const std::string journal = content_of(directory.path() + "/test.journal");
      const size_t durable = durable_version;  // before anything else is synced
      const CommitId last = newest(*store);
      for (int loss = 0; loss < 3; ++loss) {
        const ScratchDirectory after;
        write_file(after.path() + "/test.mdb", lost_some(versions.files, durable, writer));
        write_file(after.path() + "/test.journal", journal);
        EXPECT_EQ(model_of(after.path()), model);
        const auto again = open(after.path());
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(newest(**again), last);
      }
      durable_version = durable;
    }
  }
}

// What is done after such a start, and lost again.
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
    Versions versions;
    version_at_hand = durable_version = 0;
    versions.add(directory);
    for (int i = 0; i < 10; ++i) {
      writer.commit_some(**store, model);
      versions.add(directory);
    }
    later.push_back(std::make_unique<ScratchDirectory>());
    write_file(later.back()->path() + "/test.mdb",
               lost_some(versions.files, durable_version, writer));
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

// Nobody may write beyond a limit, as on a disk that has failed: what was there before the failed entry stays.
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

// It lies beside a file that was put in another one's place.
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
  // One that was not written to its end was never acknowledged.
  std::string cut = journal;
  cut[last + 70] = static_cast<char>(cut[last + 70] ^ 1);
  write_file(copy.path() + "/test.mdb", content_of(directory.path() + "/test.mdb"));
  write_file(copy.path() + "/test.journal", cut);
  EXPECT_TRUE(open(copy.path()));
}

// The halves of the journal are used by turns, and what the file keeps for it does not make it grow.
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
