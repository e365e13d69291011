// Tests sources of files, from the file to the topic.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/connect/files/directory_reader.h"
#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

using FileSourceTest = ConnectTest;
using Values = std::vector<std::string>;

ConnectorConfig tail(ConnectorConfig more = {}) {
  more.insert({{"connector.class", "file"}, {"file", "in/log"}, {"topic", "lines"}});
  return more;
}
ConnectorConfig csv_directory(ConnectorConfig more = {}) {
  more.insert({{"connector.class", "file"},
               {"input.path", "in"},
               {"input.file.pattern", ".*\\.csv"},
               {"topic", "rows"},
               {"format", "csv"},
               {"csv.first.row.as.header", "true"},
               {"file.minimum.age.ms", "0"}});
  return more;
}
Values numbered(const std::string& text, int first, int end) {
  Values values;
  for (int i = first; i < end; ++i) values.push_back(text + std::to_string(i));
  return values;
}
std::string lines(const Values& values) {
  std::string text;
  for (const std::string& value : values) text += value + "\n";
  return text;
}

TEST_F(FileSourceTest, a_growing_file_is_read_line_by_line_across_restarts) {
  write("in/log", "one\r\ntwo\nhalf");
  const auto created = server_->create("access", tail());
  ASSERT_TRUE(created) << created.error().message;
  ASSERT_EQ(created->notices.size(), 1U);
  EXPECT_EQ(created->notices[0].message, "declared STREAM access");
  EXPECT_EQ(wait_for_values("lines", 2), (Values{"one", "two"}));
  restart();
  write("in/log", " line\nfour\n");
  EXPECT_EQ(wait_for_values("lines", 4), (Values{"one", "two", "half line", "four"}));
  const ConnectorInfo info = server_->describe("access");
  EXPECT_EQ(info.state, ConnectorState::Running);
  EXPECT_EQ(info.topics, Values{"lines"});
  EXPECT_EQ(info.sources, Values{"ACCESS"});
}

// The topic accepts the longest line, because max.message.bytes of the server is larger than
// Kafka's default.
TEST_F(FileSourceTest, the_longest_line_arrives_whole) {
  const std::string longest(engine::kMaxLineBytes, 'x');
  write("in/log", longest + "\n");
  ASSERT_TRUE(server_->create("access", tail()));
  EXPECT_EQ(wait_for_values("lines", 1), Values{longest});
}

TEST_F(FileSourceTest, a_line_of_many_megabytes_is_skipped_if_bad_records_are_tolerated) {
  constexpr size_t kMegabytes = 9;  // more than the bytes of a batch
  write("in/log", "one\n" + std::string(kMegabytes << 20, 'x') + "\ntwo\n");
  ASSERT_TRUE(server_->create("access", tail({{"errors.tolerance", "all"},
                                              {"errors.deadletterqueue.topic.name", "letters"}})));
  EXPECT_EQ(wait_for_values("lines", 2), (Values{"one", "two"}));
  ASSERT_EQ(wait_for_values("letters", 1).size(), 1U);
  EXPECT_EQ(server_->values("letters")[0], std::string(64 << 10, 'x'));
  // A line without an end is skipped, even if the server restarts in the middle of it.
  write("in/log", std::string(kMegabytes << 20, 'y'));
  wait_for_values("letters", 2);
  restart();
  write("in/log", "yyy\nthree\n");
  EXPECT_EQ(wait_for_values("lines", 3), (Values{"one", "two", "three"}));
  EXPECT_EQ(server_->values("letters").size(), 2U);
  EXPECT_EQ(server_->task("access").task.state, ConnectorState::Running);
}

TEST_F(FileSourceTest, a_task_that_has_nothing_to_read_holds_no_memory) {
  write("in/log", "one\n");
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 1);
  EXPECT_EQ(eventually<int64_t>([&] { return *server_->task("access").memory_bytes; },
                                [](int64_t bytes) { return bytes == 0; }),
            0);
}

TEST_F(FileSourceTest, a_rotated_file_is_read_to_its_end_and_then_the_new_one) {
  write("in/log", lines(numbered("a", 0, 100)));
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 100);
  stop();  // several rotations happen meanwhile
  write("in/log", lines(numbered("a", 100, 150)));
  std::filesystem::rename(directory_ / "in/log", directory_ / "in/log.2");
  write("in/log", lines(numbered("b", 0, 50)) + "last without an end");
  std::filesystem::rename(directory_ / "in/log", directory_ / "in/log.1");
  write("in/log", lines(numbered("c", 0, 50)));
  write("in/log.copy", "is not a rotated file\n");
  // The times of the files are set here, because a clock with coarse steps could make them equal.
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(directory_ / "in/log.2", now - std::chrono::seconds(20));
  std::filesystem::last_write_time(directory_ / "in/log.1", now - std::chrono::seconds(10));
  start();
  Values expected = numbered("a", 0, 150);
  for (const Values& more :
       {numbered("b", 0, 50), Values{"last without an end"}, numbered("c", 0, 50)})
    expected.insert(expected.end(), more.begin(), more.end());
  EXPECT_EQ(wait_for_values("lines", expected.size()), expected);
}

// A file system whose timestamps are coarse gives several files the same time.
TEST_F(FileSourceTest, rotated_files_with_the_same_time_are_read_in_the_order_of_their_names) {
  write("in/log", lines(numbered("a", 0, 10)));
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 10);
  stop();
  Values expected = numbered("a", 0, 10);
  // more than ten, because "log.10" comes before "log.9" in text order
  constexpr int kRotations = 11;
  for (int i = 0; i < kRotations; ++i) {
    for (int number = i; number > 0; --number)
      std::filesystem::rename(directory_ / fmt::format("in/log.{}", number),
                              directory_ / fmt::format("in/log.{}", number + 1));
    std::filesystem::rename(directory_ / "in/log", directory_ / "in/log.1");
    write("in/log", fmt::format("rotation {}\n", i));
    expected.push_back(fmt::format("rotation {}", i));
  }
  const auto time = std::filesystem::file_time_type::clock::now() - std::chrono::seconds(10);
  for (int number = 1; number <= kRotations; ++number)
    std::filesystem::last_write_time(directory_ / fmt::format("in/log.{}", number), time);
  start();
  EXPECT_EQ(wait_for_values("lines", expected.size()), expected);
}

TEST_F(FileSourceTest, a_misspelt_property_is_named_beside_the_missing_one) {
  const auto created = server_->create(
      "access", {{"connector.class", "file"}, {"fle", "in/log"}, {"topic", "lines"}});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().message, "either \"file\" or \"input.path\" must be set");
  EXPECT_EQ(created.error().hint, "Property \"fle\" is not known. Did you mean \"file\"?");
}

TEST_F(FileSourceTest, a_truncated_file_is_read_from_its_begin) {
  write("in/log", lines(numbered("long line ", 0, 50)));
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 50);
  std::filesystem::resize_file(directory_ / "in/log", 0);
  write("in/log", "after\n");
  EXPECT_EQ(wait_for_values("lines", 51).back(), "after");
  // The file grows beyond the old offset before it is read again, so only the hash of its beginning
  // shows that it was truncated.
  stop();
  std::filesystem::resize_file(directory_ / "in/log", 0);
  write("in/log", lines(numbered("other line ", 0, 60)));
  start();
  EXPECT_EQ(wait_for_values("lines", 111).size(), 111U);
}

TEST_F(FileSourceTest, small_files_share_commits_and_one_with_a_bad_record_holds_up_no_other) {
  constexpr int kFiles = 300;
  Values expected;
  for (int i = 0; i < kFiles; ++i) {
    const std::string value = fmt::format(R"({{"i":{}}})", i);
    write(fmt::format("in/{:03}.csv", i), i == kFiles - 1 ? "no json\n" : value + "\n");
    if (i < kFiles - 1) expected.push_back(value);
  }
  const ConnectorConfig config = csv_directory({{"format", "json"}});
  ASSERT_TRUE(server_->create("drops", config));
  Values values = wait_for_values("rows", expected.size());
  std::ranges::sort(values);
  std::ranges::sort(expected);
  EXPECT_EQ(values, expected);
  EXPECT_EQ(wait_for_state("drops", ConnectorState::Failed), ConnectorState::Failed);
  EXPECT_LT(*server_->task("drops").commits, kFiles / 10);
  EXPECT_EQ(server_->offsets("drops").size(), expected.size());
}

TEST_F(FileSourceTest, files_of_a_directory_are_read_once_in_the_order_of_their_names) {
  write("in/b.csv", "id,name\n3,\"c,\nd\"\n");
  write("in/a.csv", "\xEF\xBB\xBFid,name\n1,a\n2,\n");
  write("in/c.txt", "is not read\n");
  const auto created = server_->create(
      "drops", csv_directory({{"cleanup.policy", "MOVE"}, {"finished.path", "done"}}));
  ASSERT_TRUE(created) << created.error().message;
  const Values expected = {R"({"id":1,"name":"a"})", R"({"id":2,"name":null})",
                           R"({"id":3,"name":"c,\nd"})"};
  EXPECT_EQ(wait_for_values("rows", 3).size(), 3U);
  EXPECT_TRUE(wait_for_file("done/b.csv"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "in/a.csv"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "in/c.txt"));
  // The positions of files that were moved are removed, so the state does not grow.
  EXPECT_EQ(eventually<Values>([&] { return server_->offsets("drops"); },
                               [](const Values& offsets) { return offsets.empty(); }),
            Values());
  const auto* stream = server_->image()->catalog->find_source("DROPS");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(stream->topic, "rows");
  Values sorted = server_->values("rows");
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, expected);
}

TEST_F(FileSourceTest, a_file_that_was_read_is_cleaned_up_again_after_a_crash) {
  write("in/a.csv", "id\n1\n");
  std::filesystem::create_hard_link(directory_ / "in/a.csv", directory_ / "same");
  ASSERT_TRUE(server_->create("drops", csv_directory({{"cleanup.policy", "NONE"}})));
  wait_for_values("rows", 1);
  EXPECT_TRUE(eventually<bool>(
      [&] { return server_->offsets("drops").at(0).find("\"done\"") != std::string::npos; },
      [](bool done) { return done; }));
  // The policy is changed after a file was read completely, so the next start finds a finished file that still exists,
  // as after a crash.
  const auto changed = server_->call<CreatedConnector>([](Connectors& to, auto done) {
    to.change("drops", {{"cleanup.policy", "DELETE"}}, done);
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(eventually<bool>([&] { return !std::filesystem::exists(directory_ / "in/a.csv"); },
                               [](bool gone) { return gone; }));
  write("in/b.csv", "id\n2\n");
  EXPECT_EQ(wait_for_values("rows", 2).size(), 2U);
}

TEST_F(FileSourceTest, a_bad_record_ends_the_task_unless_it_is_tolerated) {
  write("in/a.csv", "id\n1\nx\n3\n");
  ASSERT_TRUE(server_->create("drops", csv_directory({{"columns", "id INT"}})));
  EXPECT_EQ(wait_for_state("drops", ConnectorState::Failed), ConnectorState::Failed);
  const std::string trace = server_->task("drops").task.trace;
  EXPECT_TRUE(
      trace.starts_with("in/a.csv, record 3 (byte 5): ID \"x\" is not INT; errors.tolerance "
                        "is none\nHINT: "))
      << trace;
  EXPECT_EQ(server_->values("rows"), Values());
  const auto changed = server_->call<CreatedConnector>([](Connectors& to, auto done) {
    to.change("drops",
              {{"errors.tolerance", "all"}, {"errors.deadletterqueue.topic.name", "letters"}},
              done);
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(wait_for_values("rows", 2), (Values{R"({"id":1})", R"({"id":3})"}));
  EXPECT_EQ(server_->values("letters"), Values{"x"});
}

TEST_F(FileSourceTest, a_file_with_a_bad_record_can_be_set_aside) {
  write("in/a.csv", "id\n\"open\n");
  write("in/b.csv", "id\n2\n");
  ASSERT_TRUE(server_->create(
      "drops",
      csv_directory({{"columns", "id INT"}, {"halt.on.error", "false"}, {"error.path", "bad"}})));
  EXPECT_EQ(wait_for_values("rows", 1), Values{R"({"id":2})"});
  // The file is moved when its last batch is durable, so its records may be visible before.
  EXPECT_TRUE(wait_for_file("bad/a.csv"));
}

TEST_F(FileSourceTest, a_full_disk_makes_the_task_wait) {
  ASSERT_TRUE(server_->create("access", tail()));
  disk_.set_capacity(0);
  write("in/log", lines(numbered("a", 0, 10)));
  const auto trace =
      eventually<std::string>([&] { return server_->task("access").task.trace; },
                              [](const std::string& text) { return text.starts_with("waits: "); });
  EXPECT_TRUE(trace.starts_with("waits: ")) << trace;
  EXPECT_EQ(server_->task("access").task.state, ConnectorState::Running);
  disk_.set_capacity(SIZE_MAX);
  EXPECT_EQ(wait_for_values("lines", 10), numbered("a", 0, 10));
}

// Cuts the power at the first commit, then at the second, and so on; unsynced writes are lost. After each restart, each
// line of the file must be in the topic once, and in order.
TEST_F(FileSourceTest, each_line_arrives_once_when_the_power_is_cut_at_every_commit) {
  write("in/log", lines(numbered("a", 0, 400)));
  ASSERT_TRUE(server_->create("access", tail({{"max.batch.size", "20"}})));
  int written = 400;
  for (int cut = 1; cut <= 12; ++cut) {
    std::atomic<int> left = cut;
    disk_.set_before_sync([&] {
      if (--left == 0) disk_.drop_unsynced();
    });
    // Each cut counts syncs, and a task may commit several batches with one sync, so the existing
    // lines may need fewer syncs than `cut`. Therefore the test writes more lines, and waits for at
    // least one sync, until the power is cut.
    while (left > 0) {
      const int before = left;
      write("in/log", lines(numbered("a", written, written + 40)));
      written += 40;
      eventually<int>([&] { return left.load(); }, [&](int count) { return count < before; });
    }
    disk_.set_before_sync({});
    restart();
  }
  const Values expected = numbered("a", 0, written);
  EXPECT_EQ(wait_for_values("lines", expected.size()), expected);
}

TEST_F(FileSourceTest, the_commit_of_a_task_that_was_replaced_is_refused) {
  write("in/log", "one\n");
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 1);
  // A frozen task has read the state before the other commits, and continues after them.
  const PartitionId partition = engine::connect_state_partition("access", 0);
  ConnectState frozen;
  ASSERT_TRUE(server_->connect_log().read(partition, frozen));
  write("in/log", "two\n");
  wait_for_values("lines", 2);
  const storage::TopicInfo* topic = server_->image()->topics->find("lines");
  records::BatchBuilder late;
  late.append(0, std::nullopt, "two");
  std::promise<Result<Offset>> answer;
  server_->connect_log().commit(
      {{{{topic->id, PartitionId(0)}, late.finish()}},
       {{engine::commit_key("access", 0), "{}"},
        {engine::position_key("access", R"({"filename":"another"})"), "{}"}},
       partition,
       frozen.end},
      [&](Result<Offset> end) { answer.set_value(std::move(end)); });
  const auto refused = answer.get_future().get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ObjectState);
  EXPECT_EQ(server_->values("lines"), (Values{"one", "two"}));
}

TEST_F(FileSourceTest, a_failed_creation_leaves_nothing_behind) {
  write("in/log", "one\n");
  ASSERT_TRUE(server_->create("access", tail()));
  const auto refused = [&](const std::string& name, ConnectorConfig config) {
    const auto created = server_->create(name, std::move(config));
    return created ? std::string("created") : created.error().message;
  };
  EXPECT_EQ(refused("access", tail()), "connector access already exists");
  EXPECT_NE(refused("b", tail({{"topic", "new"}, {"columns", "x NOSUCHTYPE"}})), "created");
  EXPECT_EQ(server_->image()->topics->find("new"), nullptr);
  EXPECT_EQ(refused("c", tail({{"file", "../etc/passwd"}})),
            "../etc/passwd is not below the directory of connectors (" +
                std::filesystem::canonical(directory_).string() + ")");
  EXPECT_EQ(refused("d", tail({{"file", "${file:nothing}"}})),
            "${file:nothing}: there is no such file in the directory of secrets (--secrets-dir)");
  EXPECT_EQ(server_->image()->connectors->size(), 1U);
  wait_for_values("lines", 1);  // otherwise the drop might come before the file is read
  const auto dropped = server_->call<std::vector<ConnectorNotice>>(
      [](Connectors& to, auto done) { to.drop("access", done); });
  ASSERT_TRUE(dropped);
  // A connector that is created again reads the file again.
  ASSERT_TRUE(server_->create("access", tail()));
  EXPECT_EQ(wait_for_values("lines", 2), (Values{"one", "one"}));
}

TEST_F(FileSourceTest, a_topic_that_an_alteration_makes_has_the_partitions_of_the_property) {
  ASSERT_TRUE(server_->create("access", tail({{"topic.creation.default.partitions", "3"}})));
  const auto changed = server_->call<CreatedConnector>([](Connectors& to, auto done) {
    to.change("access", {{"topic", "other"}}, done);
  });
  ASSERT_TRUE(changed) << changed.error().message;
  for (const char* topic : {"lines", "other"})
    EXPECT_EQ(server_->image()->topics->find(topic)->partition_count, 3) << topic;
}

TEST_F(FileSourceTest, a_stopped_connector_continues_at_offsets_that_were_set) {
  write("in/log", "one\ntwo\nthree\n");
  ASSERT_TRUE(server_->create("access", tail()));
  wait_for_values("lines", 3);
  const auto set = [&](TargetState state) {
    return server_->call<void>(
        [&](Connectors& to, auto done) { to.set_state("access", state, done); });
  };
  const auto alter = [&] {
    return server_->call<std::string>([](Connectors& to, auto done) {
      to.alter_offsets("access", {{R"({"filename": "in/log"})", R"({"position": 4})"}}, done);
    });
  };
  ASSERT_FALSE(alter());
  ASSERT_TRUE(set(TargetState::Stopped));
  EXPECT_EQ(server_->describe("access").state, ConnectorState::Stopped);
  ASSERT_TRUE(alter());
  restart();
  EXPECT_EQ(server_->describe("access").state, ConnectorState::Stopped);
  ASSERT_TRUE(set(TargetState::Running));
  EXPECT_EQ(wait_for_values("lines", 5), (Values{"one", "two", "three", "two", "three"}));
}

TEST_F(FileSourceTest, connectors_beyond_the_limit_of_threads_wait) {
  settings_.max_threads = 1;
  restart();
  ASSERT_TRUE(server_->create("a", tail({{"topic", "ta"}})));
  ASSERT_TRUE(server_->create("b", tail({{"topic", "tb"}})));
  EXPECT_EQ(server_->task("b").task.state, ConnectorState::Unassigned);
  EXPECT_EQ(server_->task("b").task.trace, "waits for a thread: 1 of 1 are in use");
  ASSERT_TRUE(server_->call<std::vector<ConnectorNotice>>(
      [](Connectors& to, auto done) { to.drop("a", done); }));
  EXPECT_EQ(wait_for_state("b", ConnectorState::Running), ConnectorState::Running);
}

TEST_F(FileSourceTest, a_reference_to_a_secret_is_shown_as_written) {
  std::ofstream(directory_ / "secrets/path") << "in/log\n";
  write("in/log", "one\n");
  ASSERT_TRUE(
      server_->create("access", tail({{"file", "${file:path}"}, {"x.password", "hunter2"}})));
  EXPECT_EQ(wait_for_values("lines", 1), Values{"one"});
  const ConnectorInfo info = server_->describe("access");
  EXPECT_EQ(info.config.at("file"), "${file:path}");
  // ConnectorRouter hides the value, so this layer must return it: the router needs it when a
  // client sends the hidden text back.
  EXPECT_EQ(info.config.at("x.password"), "hunter2");
}

TEST_F(FileSourceTest, a_file_is_removed_when_its_last_batch_is_durable) {
  write("in/a", "1\n2\n3\n");
  const auto folder = Folder::open(directory_.string()).value();
  const SystemClock clock;
  engine::FileSource source;
  source.directory = "in";
  source.pattern = ".*";
  source.topic = "lines";
  source.cleanup = engine::FileCleanup::Delete;
  source.minimum_age_ms = 0;
  const engine::RowColumns columns;
  DirectoryReader reader(*folder, clock, source, columns);
  ASSERT_TRUE(reader.start({}));
  constexpr SourceReader::Limits kTwoRecords{1 << 20, 2};
  const SourceBatch first = reader.poll(kTwoRecords).value();
  EXPECT_EQ(first.records.size(), 2U);
  // A task reads the next batch before the first one is durable.
  const SourceBatch last = reader.poll(kTwoRecords).value();
  EXPECT_EQ(last.records.size(), 1U);
  ASSERT_TRUE(reader.confirm(first.positions));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "in/a"));
  ASSERT_TRUE(reader.confirm(last.positions));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "in/a"));
}

}  // namespace
}  // namespace server
