// Tests sinks of files: each record of a topic is in the files exactly once.
#include <gtest/gtest.h>

#include "records/control_batch.h"
#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;

class FileSinkTest : public ConnectTest {
 protected:
  // Creates a topic for the lines of a file.
  void make_topic() {
    ASSERT_TRUE(server_->create(
        "access", {{"connector.class", "file"}, {"file", "in/log"}, {"topic", "lines"}}));
  }
  static ConnectorConfig sink_config(ConnectorConfig more = {}) {
    more.insert({{"connector.class", "file"},
                 {"topics", "lines"},
                 {"output.path", "out"},
                 {"format", "line"},
                 {"flush.size", "50"},
                 {"rotate.schedule.interval.ms", "200"}});
    return more;
  }
  Result<CreatedConnector> create_sink(ConnectorConfig more = {}) {
    return server_->create("archive", sink_config(std::move(more)), engine::ConnectorType::Sink);
  }
  static Values lines_of(const std::filesystem::path& path) {
    Values lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  // Returns the lines of all complete files, in the order of their names.
  Values lines_of_files(const std::string& folder = "out") const {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / folder, error))
      if (entry.path().extension() != ".part") files.push_back(entry.path());
    std::ranges::sort(files);
    Values lines;
    for (const auto& path : files)
      for (std::string& line : lines_of(path)) lines.push_back(std::move(line));
    return lines;
  }
  Values wait_for_lines(size_t count, const std::string& folder = "out") {
    return eventually<Values>([&] { return lines_of_files(folder); },
                              [&](const Values& lines) { return lines.size() >= count; });
  }
  void append(int first, int end) const {
    std::string text;
    for (int i = first; i < end; ++i) text += std::to_string(i) + "\n";
    write("in/log", text);
  }
  static Values numbers(int end) {
    Values values;
    for (int i = 0; i < end; ++i) values.push_back(std::to_string(i));
    return values;
  }
};

TEST_F(FileSinkTest, records_become_files_named_by_their_first_offset) {
  append(0, 120);
  make_topic();
  const auto created = create_sink();
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(wait_for_lines(120), numbers(120));
  for (const char* name :
       {"lines+0+0000000000.txt", "lines+0+0000000050.txt", "lines+0+0000000100.txt"})
    EXPECT_TRUE(std::filesystem::exists(directory_ / "out" / name)) << name;
  // The position is committed after the file was renamed to its final name.
  const Values position = {R"({"kafka_partition":0,"kafka_topic":"lines"}{"kafka_offset":120})"};
  EXPECT_EQ(eventually<Values>([&] { return server_->offsets("archive"); },
                               [&](const Values& offsets) { return offsets == position; }),
            position);
  const ConnectorInfo info = server_->describe("archive");
  EXPECT_EQ(info.type, engine::ConnectorType::Sink);
  EXPECT_EQ(info.topics, Values{"lines"});
}

TEST_F(FileSinkTest, each_record_is_in_one_file_when_the_power_is_cut_at_every_commit) {
  append(0, 20);
  make_topic();
  ASSERT_TRUE(create_sink({{"flush.size", "15"}}));
  constexpr int kCuts = 12, kLinesOfCut = 40;
  for (int cut = 1; cut <= kCuts; ++cut) {
    std::atomic<int> left = cut;
    disk_.set_before_sync([&] {
      if (--left == 0) disk_.drop_unsynced();
    });
    append(20 + (cut - 1) * kLinesOfCut, 20 + cut * kLinesOfCut);
    eventually<int>([&] { return left.load(); }, [](int count) { return count <= 0; });
    disk_.set_before_sync({});
    restart();
  }
  const Values expected = numbers(20 + kCuts * kLinesOfCut);
  EXPECT_EQ(wait_for_lines(expected.size()), expected);
}

TEST_F(FileSinkTest, a_fetch_at_the_end_of_a_partition_returns_its_offsets) {
  append(0, 3);
  make_topic();
  wait_for_values("lines", 3);
  const storage::TopicPartition lines{server_->image()->topics->find("lines")->id, PartitionId(0)};
  constexpr size_t kBytes = 1 << 20;
  const auto all = server_->connect_log().fetch(lines, Offset{0}, kBytes).value();
  EXPECT_EQ(all.records.size(), 3U);
  EXPECT_EQ(all.next, all.end);
  const auto none = server_->connect_log().fetch(lines, all.end, kBytes).value();
  EXPECT_TRUE(none.records.empty());
  EXPECT_EQ(none.log_start, Offset{0});
  EXPECT_EQ(none.next, all.end);
  EXPECT_EQ(none.end, all.end);
  const storage::TopicPartition absent{lines.topic, PartitionId(1)};
  EXPECT_FALSE(server_->connect_log().fetch(absent, Offset{0}, kBytes));
}

TEST_F(FileSinkTest, the_end_of_a_transaction_is_no_record_that_a_sink_waits_for) {
  append(0, 50);
  make_topic();
  ASSERT_TRUE(create_sink());
  wait_for_lines(50);
  const storage::TopicPartition lines{server_->image()->topics->find("lines")->id, PartitionId(0)};
  storage::AppendRequest request;
  request.parts.push_back(
      {lines, records::marker_batch(ProducerId{1}, 0, {records::TransactionEnd::Commit, 0}, 2000)});
  ASSERT_TRUE(storage::append_and_wait(server_->log(), std::move(request)));
  const auto lag = [&] { return server_->task("archive").lag_records; };
  EXPECT_EQ(eventually<std::optional<int64_t>>(
                lag, [](const std::optional<int64_t>& records) { return records == 0; }),
            0);
  append(50, 100);
  EXPECT_EQ(wait_for_lines(100), numbers(100));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "out/lines+0+0000000051.txt"));
}

TEST_F(FileSinkTest, json_values_become_lines_or_records_of_csv) {
  write("in/log", R"({"id": 1, "name": "a,b", "x": [1]})"
                  "\n"
                  R"({"ID": 2, "name": null})"
                  "\n");
  make_topic();
  ASSERT_TRUE(create_sink({{"format", "json"}, {"output.path", "json"}}));
  ASSERT_TRUE(server_->create("rows",
                              sink_config({{"format", "csv"},
                                           {"output.path", "csv"},
                                           {"columns", "id,name, x"},
                                           {"csv.null.text", "NULL"}}),
                              engine::ConnectorType::Sink));
  EXPECT_EQ(wait_for_lines(2, "json"),
            (Values{R"({"id": 1, "name": "a,b", "x": [1]})", R"({"ID": 2, "name": null})"}));
  EXPECT_EQ(wait_for_lines(3, "csv"), (Values{"id,name,x", R"(1,"a,b",[1])", "2,NULL,NULL"}));
}

TEST_F(FileSinkTest, a_changed_configuration_continues_at_the_position) {
  append(0, 60);
  make_topic();
  ASSERT_TRUE(create_sink());
  wait_for_lines(60);
  const auto changed = server_->call<CreatedConnector>([](Connectors& to, auto done) {
    to.change("archive", {{"flush.size", "7"}, {"output.path", "later"}}, done);
  });
  ASSERT_TRUE(changed) << changed.error().message;
  append(60, 100);
  EXPECT_EQ(wait_for_lines(40, "later").size(), 40U);
  EXPECT_EQ(lines_of_files(), numbers(60));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "later/lines+0+0000000060.txt"));
}

TEST_F(FileSinkTest, a_file_of_another_origin_is_not_written_over) {
  append(0, 60);
  make_topic();
  std::filesystem::create_directories(directory_ / "out");
  write("out/lines+0+0000000050.txt", "mine\n");
  ASSERT_TRUE(create_sink());
  EXPECT_EQ(wait_for_state("archive", ConnectorState::Failed), ConnectorState::Failed);
  EXPECT_NE(server_->task("archive").task.trace.find(
                "out/lines+0+0000000050.txt exists already, and is not written over"),
            std::string::npos);
  std::filesystem::remove(directory_ / "out/lines+0+0000000050.txt");
  ASSERT_TRUE(
      server_->call<void>([](Connectors& to, auto done) { to.restart_task("archive", 0, done); }));
  EXPECT_EQ(wait_for_lines(60), numbers(60));
}

// The directory is missing when the task starts. The task writes its first file again, and then continues after
// this file.
TEST_F(FileSinkTest, a_directory_that_is_removed_is_made_again) {
  append(0, 20);
  make_topic();
  ASSERT_TRUE(create_sink());
  wait_for_lines(20);
  std::filesystem::remove_all(directory_ / "out");
  append(20, 40);
  EXPECT_EQ(wait_for_lines(20).size(), 20U);
  append(40, 60);
  EXPECT_EQ(wait_for_lines(40).size(), 40U);
  EXPECT_EQ(server_->task("archive").task.state, ConnectorState::Running);
  EXPECT_EQ(lines_of_files().back(), "59");
}

TEST_F(FileSinkTest, only_one_sink_writes_to_a_place) {
  append(0, 1);
  make_topic();
  ASSERT_TRUE(create_sink());
  for (const std::string& path :
       {std::string("out"), std::string("./out//"), directory_.string() + "/out"}) {
    const auto second = server_->create("second", sink_config({{"output.path", path}}),
                                        engine::ConnectorType::Sink);
    ASSERT_FALSE(second) << path;
    EXPECT_EQ(second.error().message, "connector archive writes to out/lines already");
  }
  EXPECT_TRUE(server_->create("second", sink_config({{"output.path", "out2"}}),
                              engine::ConnectorType::Sink));
}

TEST_F(FileSinkTest, a_bad_record_ends_the_task_or_becomes_a_dead_letter) {
  write("in/log", "{\"a\":1}\nno json\n{\"a\":2}\n");
  make_topic();
  ASSERT_TRUE(create_sink({{"format", "json"}, {"errors.deadletterqueue.topic.name", "letters"}}));
  EXPECT_EQ(wait_for_state("archive", ConnectorState::Failed), ConnectorState::Failed);
  EXPECT_EQ(server_->task("archive").task.trace.substr(0, 9), "lines-0@1");
  ASSERT_TRUE(server_->call<CreatedConnector>([](Connectors& to, auto done) {
    to.change("archive", {{"errors.tolerance", "all"}}, done);
  }));
  EXPECT_EQ(wait_for_lines(2), (Values{"{\"a\":1}", "{\"a\":2}"}));
  EXPECT_EQ(wait_for_values("letters", 1), Values{"no json"});
  // The task counts a letter after the commit that made it visible.
  EXPECT_EQ(eventually<int64_t>([&] { return server_->task("archive").dead_letters.value_or(0); },
                                [](int64_t letters) { return letters > 0; }),
            1);
}

TEST_F(FileSinkTest, file_stream_sinks_append_each_record_once_across_power_cuts) {
  append(0, 20);
  make_topic();
  const ConnectorConfig config{
      {"connector.class", "FileStreamSink"},
      {"tasks.max", "1"},
      {"topics", "lines"},
      {"file", "all.txt"},
      {"value.converter", "org.apache.kafka.connect.storage.StringConverter"}};
  ASSERT_TRUE(server_->create("stream", config, engine::ConnectorType::Sink));
  EXPECT_EQ(server_->create("other", config, engine::ConnectorType::Sink).error().message,
            "connector stream writes to all.txt already");
  // The test cuts the power at each of the first kCuts commits. Each round writes 40 lines, which takes at least this
  // many commits.
  constexpr int kCuts = 4, kLinesOfCut = 40;
  for (int cut = 1; cut <= kCuts; ++cut) {
    std::atomic<int> left = cut;
    disk_.set_before_sync([&] {
      if (--left == 0) disk_.drop_unsynced();
    });
    append(20 + (cut - 1) * kLinesOfCut, 20 + cut * kLinesOfCut);
    eventually<int>([&] { return left.load(); }, [](int count) { return count <= 0; });
    disk_.set_before_sync({});
    restart();
  }
  const Values expected = numbers(20 + kCuts * kLinesOfCut);
  const auto lines = [&] { return lines_of(directory_ / "all.txt"); };
  EXPECT_EQ(
      eventually<Values>(lines, [&](const Values& all) { return all.size() >= expected.size(); }),
      expected);
}

TEST_F(FileSinkTest, a_topic_must_exist_and_offsets_change_only_when_stopped) {
  EXPECT_EQ(create_sink().error().message, "topic \"lines\" does not exist");
  append(0, 1);
  make_topic();
  ASSERT_TRUE(create_sink());
  wait_for_lines(1);
  const std::string stored = engine::sink_offset_json({Offset{7}, "id"});
  EXPECT_EQ(engine::parse_sink_offset(stored)->topic_id, "id");
  const auto altered = server_->call<std::string>([](Connectors& to, auto done) {
    to.alter_offsets("archive", {{R"({"kafka_topic":"lines"})", R"({"kafka_offset":1})"}}, done);
  });
  EXPECT_EQ(altered.error().code, ErrorCode::ObjectState);
}

}  // namespace
}  // namespace server
