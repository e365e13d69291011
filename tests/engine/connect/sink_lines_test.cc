// Checks the lines that file sinks write.
#include "engine/connect/sink_lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace engine {
namespace {

TEST(SinkLines, json_becomes_one_line_and_keeps_its_spelling) {
  EXPECT_EQ(json_line("{\"a\": 1.50}").value(), "{\"a\": 1.50}");
  EXPECT_EQ(json_line("{\"a\":\n 1.50,\r\n\"b\": \"x\\ny\"}").value(), R"({"a":1.50,"b":"x\ny"})");
  for (const char* bad : {"no json", "", "{} {}", "\x01\x02"}) EXPECT_FALSE(json_line(bad)) << bad;
}

TEST(SinkLines, csv_records_are_read_back_as_they_were) {
  const CsvSettings settings{.separator = ';', .quote = '"', .null_text = "NULL"};
  const std::vector<std::string> names = {"id", "a;b", "text"};
  EXPECT_EQ(csv_header(names, settings), "id;\"a;b\";text");
  const std::string line =
      csv_line("{\"ID\":1.50,\"a;b\":null,\"text\":\"x\\n\\\"y\\\";\"}", names, settings).value();
  EXPECT_EQ(line, "1.50;NULL;\"x\n\"\"y\"\";\"");
  EXPECT_EQ(split_csv(line, settings).value(), (CsvFields{"1.50", std::nullopt, "x\n\"y\";"}));
  // The text "NULL" is quoted, so that it differs from NULL.
  EXPECT_EQ(csv_line(R"({"id":"NULL","text":{"a":[1]}})", names, settings).value(),
            R"("NULL";NULL;"{""a"":[1]}")");
  EXPECT_EQ(csv_line(R"({"id":""})", std::vector<std::string>{"id"}, {}).value(), "\"\"");
  for (const char* bad : {"[1]", "1", "null", "x"})
    EXPECT_FALSE(csv_line(bad, names, settings)) << bad;
}

TEST(SinkLines, a_payload_needs_its_schema) {
  EXPECT_EQ(payload_text(R"({"schema":{"type":"string"},"payload":"a b"})").value(), "a b");
  EXPECT_EQ(payload_text(R"({"schema":null,"payload":{"a":1.0}})").value(), R"({"a":1.0})");
  for (const char* bad : {R"({"a":1})", R"("a")", R"({"schema":null,"payload":1,"more":2})"})
    EXPECT_FALSE(payload_text(bad)) << bad;
}

}  // namespace
}  // namespace engine
