#include "server/metadata/definition_command.h"

#include <gtest/gtest.h>

namespace server {
namespace {

DefinitionCommand example() {
  DefinitionCommand command;
  command.sql = "CREATE STREAM s (k INT KEY, v VARCHAR);";
  command.properties = {{"auto.offset.reset", "latest"}};
  command.settings.ksqldb_compat = true;
  auto source = std::make_shared<engine::DataSource>();
  source->name = "S";
  source->topic = "s";
  source->schema.columns = {{"K", engine::TypeKind::Integer, engine::ColumnRole::Key},
                            {"V", engine::TypeKind::String}};
  source->key_format = {"KAFKA"};
  source->value_format = {"DELIMITED", '|', true};
  source->timestamp = engine::TimestampColumn{"V", "yyyy"};
  command.changes = {PutSource{std::move(source)},
                     EraseSource{"OLD"},
                     EraseQuery{"CSAS_OLD_1"},
                     SetQueryState{"CSAS_X_2", engine::DesiredState::Paused},
                     PutType{"T", engine::SqlType::array(engine::SqlType::decimal(4, 2))},
                     EraseType{"U"},
                     SetNextQueryNumber{7}};
  return command;
}

TEST(DefinitionCommand, comes_back_as_it_was) {
  const std::string bytes = encode_definition(example());
  const auto decoded = decode_definition(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->changes.size(), example().changes.size());
  EXPECT_EQ(decoded->properties, example().properties);
  EXPECT_TRUE(decoded->settings.ksqldb_compat);
  EXPECT_EQ(encode_definition(*decoded), bytes);
}

TEST(DefinitionCommand, says_what_is_damaged_wherever_it_is) {
  const std::string bytes = encode_definition(example());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_definition(bytes.substr(0, size))) << size;
  std::string damaged = bytes;
  damaged[damaged.find("DELIMITED")] = 'X';
  const auto decoded = decode_definition(damaged);
  ASSERT_TRUE(decoded);
  EXPECT_NE(std::get<PutSource>(decoded->changes.front()).unread_row, "");
}

TEST(DefinitionCommand, another_version_is_refused) {
  std::string bytes = encode_definition(example());
  for (const char version : {'\x01', '\x09'}) {
    bytes[0] = version;
    EXPECT_EQ(decode_definition(bytes).error().code, ErrorCode::IncompatibleFormat);
  }
}

}  // namespace
}  // namespace server
