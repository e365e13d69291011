#include "engine/connect/classes.h"

#include <set>

namespace engine {
namespace {

TEST(ConnectorClasses, each_name_has_one_row_for_each_type) {
  std::set<std::pair<std::string_view, ConnectorType>> seen;
  for (const ConnectorClass& row : connector_classes()) {
    EXPECT_TRUE(seen.emplace(row.name, row.type).second) << row.name;
    EXPECT_NE(find_connector_class(row.family), nullptr) << row.name << " has no short class";
  }
}

TEST(ConnectorClasses, a_java_class_is_found_without_package_and_suffix_as_in_kafka_connect) {
  constexpr std::string_view kFull = "org.apache.kafka.connect.file.FileStreamSinkConnector";
  for (const std::string_view name :
       {kFull, std::string_view("FileStreamSinkConnector"), std::string_view("FileStreamSink")}) {
    const ConnectorClass* row = find_connector_class(name);
    ASSERT_NE(row, nullptr) << name;
    EXPECT_EQ(row->name, kFull);
  }
  EXPECT_EQ(find_connector_class("FileStream"), nullptr);
  EXPECT_EQ(find_connector_class("org.example.FileStreamSinkConnector"), nullptr);
}

TEST(ConnectorClasses, the_type_chooses_between_the_rows_of_a_short_class) {
  EXPECT_EQ(find_connector_class("postgres", ConnectorType::Sink)->type, ConnectorType::Sink);
  EXPECT_EQ(find_connector_class("postgres", ConnectorType::Source)->type, ConnectorType::Source);
  EXPECT_EQ(find_connector_class("webhook", ConnectorType::Sink), nullptr);
}

TEST(ConnectorClasses, the_error_for_a_class_names_the_class_that_can_run_instead) {
  const Error java = class_is_not_built_in("com.acme.SnowflakeSinkConnector", false);
  EXPECT_EQ(java.message, "class com.acme.SnowflakeSinkConnector is not built in");
  EXPECT_NE(java.hint.find("--connect-url"), std::string::npos);
  const Error polling =
      class_is_not_built_in("io.confluent.connect.jdbc.JdbcSourceConnector", true);
  EXPECT_NE(polling.hint.find("\"runs\" = 'outside'"), std::string::npos);
  const Error brief = class_is_not_built_in("s3", true);
  EXPECT_NE(brief.hint.find("io.confluent.connect.s3.S3SinkConnector"), std::string::npos)
      << brief.hint;
}

TEST(ConnectorClasses, the_error_for_a_short_class_names_the_class_that_is_built_in) {
  EXPECT_EQ(class_is_not_built_in("http", false).hint,
            "Class http is built in as a sink: CREATE SINK CONNECTOR.");
  EXPECT_EQ(class_is_not_built_in("postgres", false).hint,
            "Class io.debezium.connector.postgresql.PostgresConnector is built in.");
  EXPECT_EQ(class_is_not_built_in("htp", false).hint, "Did you mean 'http'?");
  EXPECT_EQ(class_is_not_built_in("webhok", true).hint, "Did you mean 'webhook'?");
}

}  // namespace
}  // namespace engine
