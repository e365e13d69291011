// Tests transforms in the tasks of connectors: headers are written to the topic and read back, dropped records are in
// no file, and each record arrives once.
#include <gtest/gtest.h>

#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;

class TransformedRecords : public ConnectTest {
 protected:
  static ConnectorConfig source(const std::string& file, ConnectorConfig more = {}) {
    more.insert({{"connector.class", "file"}, {"file", file}, {"topic", "lines"}});
    return more;
  }
  static ConnectorConfig sink(ConnectorConfig more = {}) {
    more.insert({{"connector.class", "file"},
                 {"topics", "lines"},
                 {"output.path", "out"},
                 {"format", "line"},
                 {"flush.size", "15"},
                 {"rotate.schedule.interval.ms", "200"}});
    return more;
  }
  void create(const std::string& name, ConnectorConfig config,
              engine::ConnectorType type = engine::ConnectorType::Source) {
    const auto created = server_->create(name, std::move(config), type);
    ASSERT_TRUE(created) << created.error().message << created.error().hint;
  }
  void append(const std::string& file, int first, int end) const {
    std::string text;
    for (int i = first; i < end; ++i) text += std::to_string(i) + "\n";
    write(file, text);
  }
  // Returns the lines of all complete files, in the order of their names.
  Values lines_of_files() const {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "out", error))
      if (entry.path().extension() != ".part") files.push_back(entry.path());
    std::ranges::sort(files);
    Values lines;
    for (const auto& path : files) {
      std::ifstream file(path);
      for (std::string line; std::getline(file, line);) lines.push_back(line);
    }
    return lines;
  }
  Values wait_for_lines(size_t count) {
    return eventually<Values>([&] { return lines_of_files(); },
                              [&](const Values& lines) { return lines.size() >= count; });
  }
};

TEST_F(TransformedRecords, headers_of_a_source_decide_in_a_sink) {
  append("in/a", 0, 3);
  append("in/b", 3, 6);
  create("plain", source("in/a"));
  wait_for_values("lines", 3);
  create("marked", source("in/b", {{"declare", "none"},
                                   {"transforms", "mark"},
                                   {"transforms.mark.type", "InsertHeader"},
                                   {"transforms.mark.header", "keep"},
                                   {"transforms.mark.value.literal", "yes"}}));
  EXPECT_EQ(wait_for_values("lines", 6), (Values{"0", "1", "2", "3", "4", "5"}));
  create("archive",
         sink({{"transforms", "only"},
               {"transforms.only.type", "Filter"},
               {"transforms.only.predicate", "marked"},
               {"transforms.only.negate", "true"},
               {"predicates", "marked"},
               {"predicates.marked.type", "HasHeaderKey"},
               {"predicates.marked.name", "keep"}}),
         engine::ConnectorType::Sink);
  EXPECT_EQ(wait_for_lines(3), (Values{"3", "4", "5"}));
}

TEST_F(TransformedRecords, a_sink_that_drops_all_records_writes_no_file) {
  append("in/a", 0, 15);
  create("plain", source("in/a"));
  create("archive", sink({{"transforms", "none"}, {"transforms.none.type", "Filter"}}),
         engine::ConnectorType::Sink);
  const Values position = {R"({"kafka_partition":0,"kafka_topic":"lines"}{"kafka_offset":15})"};
  EXPECT_EQ(eventually<Values>([&] { return server_->offsets("archive"); },
                               [&](const Values& offsets) { return offsets == position; }),
            position);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "out"));
}

TEST_F(TransformedRecords, a_declared_stream_has_the_columns_after_the_transforms) {
  write("in/a", "id,name\n1,x\n");
  create("rows", source("in/a", {{"format", "csv"},
                                 {"csv.first.row.as.header", "true"},
                                 {"transforms", "route,rename"},
                                 {"transforms.route.type", "RegexRouter"},
                                 {"transforms.route.regex", "(.*)"},
                                 {"transforms.route.replacement", "$1-new"},
                                 {"transforms.rename.type", "ReplaceField$Value"},
                                 {"transforms.rename.renames", "name:label"}}));
  EXPECT_EQ(wait_for_values("lines-new", 1), Values{R"({"id":1,"label":"x"})"});
  EXPECT_EQ(server_->image()->topics->find("lines"), nullptr);
}

TEST_F(TransformedRecords, each_record_is_in_one_file_when_the_power_is_cut_at_every_commit) {
  append("in/a", 0, 20);
  create("plain", source("in/a", {{"transforms", "hoist"},
                                  {"transforms.hoist.type", "HoistField$Value"},
                                  {"transforms.hoist.field", "n"}}));
  create("archive",
         sink({{"format", "json"},
               {"transforms", "at"},
               {"transforms.at.type", "InsertField$Value"},
               {"transforms.at.offset.field", "at"}}),
         engine::ConnectorType::Sink);
  constexpr int kCuts = 6, kLinesOfCut = 40;
  for (int cut = 1; cut <= kCuts; ++cut) {
    std::atomic<int> left = cut;
    disk_.set_before_sync([&] {
      if (--left == 0) disk_.drop_unsynced();
    });
    append("in/a", 20 + (cut - 1) * kLinesOfCut, 20 + cut * kLinesOfCut);
    eventually<int>([&] { return left.load(); }, [](int count) { return count <= 0; });
    disk_.set_before_sync({});
    restart();
  }
  Values expected;
  for (int i = 0; i < 20 + kCuts * kLinesOfCut; ++i)
    expected.push_back("{\"n\":\"" + std::to_string(i) + "\",\"at\":" + std::to_string(i) + "}");
  EXPECT_EQ(wait_for_lines(expected.size()), expected);
}

}  // namespace
}  // namespace server
