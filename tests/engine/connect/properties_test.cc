// Checks the properties of connector classes.
#include "engine/connect/properties.h"

#include <gtest/gtest.h>

#include "engine/connect/file_properties.h"

namespace engine {
namespace {

const ConnectorClass& file_class() { return *find_connector_class("file", ConnectorType::Source); }

std::vector<std::string> messages(const ConnectorProperties& config) {
  const auto rows = file_source_rows(file_class());
  auto wrong = check_properties(rows, config).wrong;
  if (wrong.empty()) wrong = read_file_source(file_class(), PropertyValues(rows, config)).wrong;
  std::vector<std::string> messages;
  for (const WrongProperty& each : wrong) messages.push_back(each.message);
  return messages;
}

TEST(Properties, wrong_values_name_the_possible_ones) {
  EXPECT_EQ(messages({{"connector.class", "file"},
                      {"file", "a"},
                      {"topic", "t"},
                      {"format", "xml"},
                      {"tasks.max", "0"},
                      {"csv.first.row.as.header", "yes"}}),
            (std::vector<std::string>{
                "property \"tasks.max\" is a number from 1 to 100, not \"0\"",
                "property \"format\" is \"line\", \"json\" or \"csv\", not \"xml\"",
                "property \"csv.first.row.as.header\" is true or false, not \"yes\""}));
  EXPECT_EQ(messages({{"connector.class", "file"}, {"file", "a"}}),
            std::vector<std::string>{"property \"topic\" is required"});
}

TEST(Properties, values_that_depend_on_each_other_are_checked) {
  const ConnectorProperties base = {{"connector.class", "file"}, {"topic", "t"}};
  const auto with = [&](ConnectorProperties more) {
    more.insert(base.begin(), base.end());
    return messages(more);
  };
  EXPECT_EQ(with({}), std::vector<std::string>{"either \"file\" or \"input.path\" must be set"});
  EXPECT_EQ(with({{"input.path", "in"}, {"cleanup.policy", "MOVE"}}),
            std::vector<std::string>{"cleanup.policy MOVE needs \"finished.path\""});
  EXPECT_EQ(with({{"file", "a"}, {"format", "csv"}}),
            std::vector<std::string>{
                "CSV without a header needs \"columns\", or \"csv.first.row.as.header\" = 'true'"});
  EXPECT_EQ(
      with({{"file", "a"}, {"format", "csv"}, {"columns", "a INT"}, {"csv.separator.char", "59"}}),
      std::vector<std::string>());
  EXPECT_EQ(with({{"file", "a"}, {"csv.separator.char", "ab"}}).size(), 1U);
}

TEST(Properties, a_list_of_topics_by_pattern_is_refused_by_name) {
  EXPECT_EQ(
      messages({{"connector.class", "file"}, {"file", "a"}, {"topic", "t"}, {"topics.regex", "x"}}),
      std::vector<std::string>{
          "property \"topics.regex\" is not supported: name the topics in \"topics\""});
}

TEST(Properties, a_misspelt_name_gets_a_hint) {
  const auto unknown =
      check_properties(file_source_rows(file_class()),
                       {{"connector.class", "file"}, {"topics", "t"}, {"zzzz", ""}})
          .unknown;
  ASSERT_EQ(unknown.size(), 2U);
  EXPECT_EQ(unknown[0].hint, "Did you mean \"topic\"?");
  EXPECT_EQ(unknown[1].hint, "");
}

TEST(Properties, a_required_name_with_the_same_words_precedes_a_similar_one) {
  const PropertyRow rows[] = {{.name = "database.hostname", .is_required = true},
                              {.name = "database.port"},
                              {.name = "http.api.url", .is_required = true}};
  const auto unknown = check_properties(rows, {{"database.host", "x"}, {"http.url", "x"}}).unknown;
  ASSERT_EQ(unknown.size(), 2U);
  EXPECT_EQ(unknown[0].hint, "Did you mean \"database.hostname\"?");
  EXPECT_EQ(unknown[1].hint, "Did you mean \"http.api.url\"?");
}

}  // namespace
}  // namespace engine
