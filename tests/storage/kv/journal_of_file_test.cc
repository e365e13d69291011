// Tests that a data file that was not closed can only be opened with its own journal.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "storage/kv/commit_journal.h"
#include "storage/kv/lmdb_snapshot.h"
#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

constexpr size_t kJournalBytes = 2 * CommitJournal::kHalfBytes;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// The files of a directory after the server was killed.
struct Files {
  std::string data, journal;
};

class JournalOfFile : public testing::Test {
 protected:
  static Result<std::unique_ptr<KeyValueStore>> open(const std::string& directory) {
    return open_lmdb_store(
        directory, {.kind = "test", .map_size_bytes = 64 << 20, .has_commit_journal = true});
  }
  static Files files_after(int commits) {
    const ScratchDirectory directory;
    auto store = open(directory.path()).value();
    for (int i = 0; i < commits; ++i) {
      auto write = store->begin_write().value();
      const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
      EXPECT_TRUE(write->put(table, "k" + std::to_string(i), "v"));
      EXPECT_TRUE(write->commit());
    }
    return {content_of(directory.path() + "/test.mdb"),
            content_of(directory.path() + "/test.journal")};
  }

  // Opens one copy as a server does and another one for reading only: returns the error of both, or the number of rows.
  static std::string outcome(const Files& files) {
    const ScratchDirectory started, looked_at;
    for (const ScratchDirectory* copy : {&started, &looked_at}) {
      write_file(copy->path() + "/test.mdb", files.data);
      write_file(copy->path() + "/test.journal", files.journal);
    }
    const auto store = open(started.path());
    const auto snapshot = LmdbSnapshot::open(looked_at.path() + "/test.mdb");
    EXPECT_EQ(store.has_value(), snapshot.has_value());
    if (!store) {
      EXPECT_EQ(store.error().code, ErrorCode::DataCorrupted);
      EXPECT_FALSE(store.error().hint.empty());
      return store.error().message;
    }
    const LmdbSnapshot::Table* table = snapshot ? (*snapshot)->find("t") : nullptr;
    return std::to_string(table ? table->entries : 0) + " rows";
  }
};

TEST_F(JournalOfFile, one_that_is_empty_or_cut_is_refused) {
  const Files files = files_after(20);
  EXPECT_EQ(outcome(files), "20 rows");
  for (const size_t size : {size_t{0}, size_t{512}, size_t{4096}, CommitJournal::kHalfBytes,
                            kJournalBytes - 1, kJournalBytes + 1}) {
    std::string journal = files.journal;
    journal.resize(size);
    const std::string refused = outcome({files.data, journal});
    EXPECT_NE(refused.find("test.journal is truncated or is another file: " + std::to_string(size) +
                           " bytes of 4194304"),
              std::string::npos)
        << refused;
  }
}

TEST_F(JournalOfFile, one_of_zeros_or_of_another_file_is_refused) {
  const Files files = files_after(20), other = files_after(30);
  for (const std::string& journal : {std::string(kJournalBytes, '\0'), other.journal}) {
    const std::string refused = outcome({files.data, journal});
    EXPECT_TRUE(refused.ends_with("is not its journal: it has no entry of this data file"))
        << refused;
  }
}

// The journal gets its first entry when it is created, because a server may be killed at any time.
TEST_F(JournalOfFile, a_server_that_was_killed_before_its_first_commit_has_one) {
  const Files files = files_after(0), other = files_after(0);
  EXPECT_EQ(outcome(files), "0 rows");
  EXPECT_NE(outcome({files.data, other.journal}), "0 rows");
  EXPECT_NE(outcome({files.data, std::string(kJournalBytes, '\0')}), "0 rows");
}

// In the previous version, the journal gets its first entry with the first commit, and the data file has one
// identity, possibly followed by an older one.
TEST_F(JournalOfFile, the_version_before_is_opened_without_a_first_entry) {
  const Files files = files_after(3);
  constexpr size_t kSecondIdentity = 2048 + 8 + 16;
  for (const char stale : {'\0', 'x'}) {
    std::string data = files.data;
    data.replace(kSecondIdentity, 16, std::string(16, stale));
    EXPECT_EQ(outcome({data, files.journal}), "3 rows");
    EXPECT_EQ(outcome({data, std::string(kJournalBytes, '\0')}), "3 rows");
  }
}

// Each start creates a new journal, even if the previous journal was not closed.
TEST_F(JournalOfFile, the_journal_of_an_earlier_start_is_refused) {
  const Files first = files_after(5);
  const ScratchDirectory directory;
  write_file(directory.path() + "/test.mdb", first.data);
  write_file(directory.path() + "/test.journal", first.journal);
  const auto store = open(directory.path()).value();
  const Files second{content_of(directory.path() + "/test.mdb"),
                     content_of(directory.path() + "/test.journal")};
  EXPECT_EQ(outcome(second), "5 rows");
  EXPECT_NE(outcome({second.data, first.journal}), "5 rows");
}

}  // namespace
}  // namespace storage
