// Tests compressed files: reading their text as a stream, damaged or truncated files, and connectors that read and
// write them.
#include "server/connect/files/compressed_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;

constexpr std::string_view kSuffixes[] = {".gz", ".zst", ".lz4"};

std::string compressed(FileCodec codec, std::string_view text) {
  const auto encoder = make_text_encoder(codec);
  std::string bytes;
  constexpr size_t kPart = 1000;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kPart)))
    EXPECT_TRUE(encoder->append(text.substr(0, kPart), bytes));
  EXPECT_TRUE(encoder->finish(bytes));
  return bytes;
}

std::string numbers(int first, int end) {
  std::string text;
  for (int i = first; i < end; ++i) text += std::to_string(i) + "\n";
  return text;
}

class CompressedFiles : public ConnectTest {
 protected:
  // Returns the text of a file, or the message of the error.
  std::string text_of(const std::string& name) const {
    const auto folder = Folder::open(directory_.string()).value();
    constexpr size_t kMost = 100 << 20;
    const auto text = read_text(*folder, name, kMost);
    return text ? *text : text.error().message;
  }
  void put(const std::string& name, const std::string& bytes) const {
    std::filesystem::remove(directory_ / name);
    write(name, bytes);
  }
  static ConnectorConfig directory(ConnectorConfig more = {}) {
    more.insert({{"connector.class", "file"},
                 {"input.path", "in"},
                 {"topic", "lines"},
                 {"declare", "none"},
                 {"file.minimum.age.ms", "0"}});
    return more;
  }
};

TEST_F(CompressedFiles, text_is_read_back_from_each_codec) {
  const std::string large = numbers(0, 300'000);
  for (const std::string_view suffix : kSuffixes) {
    const FileCodec codec = codec_of_file(suffix);
    const std::string name = "in/a" + std::string(suffix);
    for (const std::string& text : {std::string("one\n"), std::string(), large}) {
      put(name, compressed(codec, text));
      EXPECT_EQ(text_of(name), text) << name;
    }
    put(name, compressed(codec, "a\n") + compressed(codec, "b\n"));
    EXPECT_EQ(text_of(name), "a\nb\n") << name;
  }
}

TEST_F(CompressedFiles, a_file_that_is_cut_off_anywhere_is_an_error_with_its_place) {
  for (const std::string_view suffix : kSuffixes) {
    const std::string name = "in/a" + std::string(suffix);
    const std::string whole = compressed(codec_of_file(suffix), numbers(0, 50));
    for (size_t size = 0; size < whole.size(); ++size) {
      put(name, whole.substr(0, size));
      EXPECT_EQ(text_of(name),
                fmt::format("{}: the file ends at byte {}, within compressed data", name, size));
    }
  }
}

TEST_F(CompressedFiles, a_changed_byte_gives_no_wrong_text) {
  const std::string text = numbers(0, 50);
  for (const std::string_view suffix : kSuffixes) {
    const std::string name = "in/a" + std::string(suffix);
    const std::string whole = compressed(codec_of_file(suffix), text);
    int errors = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
      put(name, bytes);
      const std::string found = text_of(name);
      if (found == text) continue;  // this byte is the time or the system, which readers ignore
      ++errors;
      EXPECT_TRUE(found.starts_with(name + ": the file ")) << i << " " << found.substr(0, 50);
    }
    EXPECT_GT(errors, static_cast<int>(whole.size()) / 2) << name;
  }
}

TEST_F(CompressedFiles, a_place_is_found_again_from_the_begin) {
  const std::string text = numbers(0, 100'000);
  put("in/a.gz", compressed(FileCodec::Gzip, text));
  const auto folder = Folder::open(directory_.string()).value();
  const OpenFile file = folder->open_file("in/a.gz").value();
  CompressedFile reader(file, FileCodec::Gzip, "in/a.gz");
  for (const size_t place : {size_t{300'000}, size_t{300'010}, size_t{5}, text.size()}) {
    constexpr size_t kSize = 20;
    const auto part = reader.at(static_cast<int64_t>(place), kSize);
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_EQ(part->substr(0, kSize), text.substr(place, kSize));
  }
  EXPECT_TRUE(reader.is_at_end());
  EXPECT_EQ(reader.at(static_cast<int64_t>(text.size()) + 1, 1).error().message,
            fmt::format("in/a.gz: the file has {} bytes of text, and was read up to byte {}",
                        text.size(), text.size() + 1));
}

TEST_F(CompressedFiles, a_directory_is_read_once_when_the_power_is_cut_at_every_commit) {
  put("in/1.gz", compressed(FileCodec::Gzip, numbers(0, 300)));
  put("in/2.zst", compressed(FileCodec::Zstd, numbers(300, 600)));
  write("in/3", numbers(600, 900));
  put("in/4.lz4", compressed(FileCodec::Lz4, numbers(900, 1200)));
  ASSERT_TRUE(server_->create("drops",
                              directory({{"max.batch.size", "40"}, {"cleanup.policy", "DELETE"}})));
  for (int cut = 1; cut <= 8; ++cut) {
    std::atomic<int> left = cut;
    disk_.set_before_sync([&] {
      if (--left == 0) disk_.drop_unsynced();
    });
    eventually<int>(
        [&] { return left.load(); },
        [&](int count) { return count <= 0 || server_->values("lines").size() >= 1200; });
    disk_.set_before_sync({});
    restart();
  }
  Values expected;
  for (int i = 0; i < 1200; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(wait_for_values("lines", expected.size()), expected);
}

TEST_F(CompressedFiles, a_damaged_file_ends_the_task_or_is_set_aside) {
  std::string bytes = compressed(FileCodec::Gzip, numbers(0, 20'000));
  bytes.resize(bytes.size() / 2);
  put("in/a.gz", bytes);
  put("in/b.gz", compressed(FileCodec::Gzip, "last\n"));
  ASSERT_TRUE(server_->create("strict", directory()));
  EXPECT_EQ(wait_for_state("strict", ConnectorState::Failed), ConnectorState::Failed);
  const std::string trace = server_->task("strict").task.trace;
  EXPECT_TRUE(trace.starts_with(
      fmt::format("in/a.gz: the file ends at byte {}, within compressed data", bytes.size())))
      << trace;
  const auto lax = server_->create(
      "lax", directory({{"topic", "lax"}, {"halt.on.error", "false"}, {"error.path", "bad"}}));
  ASSERT_TRUE(lax) << lax.error().message;
  const Values values =
      eventually<Values>([&] { return server_->values("lax"); },
                         [](const Values& each) { return !each.empty() && each.back() == "last"; });
  EXPECT_EQ(values.back(), "last");
  EXPECT_TRUE(wait_for_file("bad/a.gz"));
}

TEST_F(CompressedFiles, a_sink_writes_files_that_are_read_back) {
  write("in/log", numbers(0, 120));
  ASSERT_TRUE(server_->create(
      "access", {{"connector.class", "file"}, {"file", "in/log"}, {"topic", "lines"}}));
  for (const auto& [type, suffix] : {std::pair("gzip", ".gz"), {"zstd", ".zst"}, {"lz4", ".lz4"}}) {
    const auto created = server_->create(type,
                                         {{"connector.class", "file"},
                                          {"topics", "lines"},
                                          {"output.path", type},
                                          {"format", "line"},
                                          {"flush.size", "60"},
                                          {"file.compression.type", type}},
                                         engine::ConnectorType::Sink);
    ASSERT_TRUE(created) << created.error().message;
    const std::string first = fmt::format("{}/lines+0+0000000000.txt{}", type, suffix);
    const std::string second = fmt::format("{}/lines+0+0000000060.txt{}", type, suffix);
    EXPECT_TRUE(wait_for_file(second));
    EXPECT_EQ(text_of(first), numbers(0, 60));
    EXPECT_EQ(text_of(second), numbers(60, 120));
  }
}

TEST_F(CompressedFiles, a_compressed_file_does_not_grow) {
  const auto refused =
      server_->create("a", {{"connector.class", "file"}, {"file", "in/a.gz"}, {"topic", "lines"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "in/a.gz is a compressed file, which does not grow");
  EXPECT_EQ(refused.error().hint, "Set input.path and input.file.pattern instead of file.");
}

}  // namespace
}  // namespace server
