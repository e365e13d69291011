#include "server/metadata/definition_command.h"

#include <gtest/gtest.h>

#include "server/metadata/apply_command.h"

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

TEST(DefinitionCommand, views_and_names_of_queries_come_back_as_they_were) {
  auto view = std::make_shared<engine::View>();
  view->name = "SHOP.V";
  view->sql = "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM orders)";
  view->is_postgres = true;
  view->column_names = {"A"};
  view->columns.columns = {{"A", engine::TypeKind::Integer}};
  view->reads = {"SALES"};
  view->renames = {{"ORDERS", "SALES"}};
  view->owner_role = "ann";
  view->comments = {{"", "text"}};
  DefinitionCommand command;
  command.changes = {PutView{view}, EraseView{"OLD"}, SetQueryNames{"CTAS_X_1", "Y", {"A", "B"}}};
  const std::string bytes = encode_definition(command);
  const auto decoded = decode_definition(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(encode_definition(*decoded), bytes);
  ASSERT_EQ(decoded->changes.size(), 3U);
  const engine::View& back = *std::get<PutView>(decoded->changes[0]).view;
  EXPECT_EQ(static_cast<const engine::ViewDefinition&>(back), *view);
  ASSERT_TRUE(back.query) << back.unreadable;
  EXPECT_EQ(back.query->from->name, "SALES") << "the present name";
  EXPECT_EQ(back.query->from->visible_name(), "O");
  EXPECT_EQ(std::get<SetQueryNames>(decoded->changes[2]).sources,
            (std::vector<std::string>{"A", "B"}));
}

TEST(DefinitionCommand, a_view_that_cannot_be_parsed_has_the_reason) {
  auto view = std::make_shared<engine::View>();
  view->name = "V";
  view->sql = "SELECT FROM FROM";
  DefinitionCommand command;
  command.changes = {PutView{view}};
  const auto decoded = decode_definition(encode_definition(command));
  ASSERT_TRUE(decoded);
  const engine::View& back = *std::get<PutView>(decoded->changes[0]).view;
  EXPECT_FALSE(back.query);
  EXPECT_NE(back.unreadable, "");
}

TEST(DefinitionCommand, sequences_come_back_as_they_were) {
  auto sequence = std::make_shared<engine::Sequence>();
  sequence->name = "SHOP.S";
  sequence->id = Uuid::random();
  sequence->data_type = "smallint";
  sequence->increment = -3;
  sequence->min = INT16_MIN;
  sequence->max = -1;
  sequence->start = -1;
  sequence->cycles = true;
  sequence->owner_table = "T";
  sequence->owner_column = "ID";
  sequence->owner_role = "ann";
  sequence->last_value = -7;
  sequence->is_called = true;
  sequence->version = 2;
  DefinitionCommand command;
  command.changes = {PutSequence{sequence}, EraseSequence{"OLD"},
                     MoveSequence{"SHOP.S", sequence->id, -10, false, 3}};
  const auto decoded = decode_definition(encode_definition(command));
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->changes.size(), 3U);
  EXPECT_EQ(*std::get<PutSequence>(decoded->changes[0]).sequence, *sequence);
  EXPECT_EQ(std::get<EraseSequence>(decoded->changes[1]).name, "OLD");
  const auto& move = std::get<MoveSequence>(decoded->changes[2]);
  EXPECT_EQ(move.id, sequence->id);
  EXPECT_EQ(move.last_value, -10);
  EXPECT_FALSE(move.is_called);
  EXPECT_EQ(move.version, 3);
}

TEST(DefinitionCommand, open_transactions_come_back_with_their_owners) {
  MetadataImage image;
  const Uuid transaction = Uuid::random();
  OpenDefinitions open;
  open.owner = NodeProcess{NodeId{3}, storage::NodeEpoch{1LL << 40}};
  open.undo.push_back(std::make_shared<const UndoChange>(UndoChange{EraseSource{"T"}}));
  image.open_definitions[transaction] = std::make_shared<const OpenDefinitions>(open);
  const auto decoded = decode_definition(encode_definition(whole_definition(image)));
  ASSERT_TRUE(decoded) << decoded.error().message;
  MetadataImage read;
  ImageChange change;
  apply_changes(decoded->changes, read, change);
  ASSERT_TRUE(read.open_definitions.contains(transaction));
  EXPECT_EQ(read.open_definitions.at(transaction)->owner, open.owner);
  EXPECT_EQ(read.open_definitions.at(transaction)->undo.size(), 1U);
}

TEST(DefinitionCommand, names_the_damaged_part_anywhere) {
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
  for (const char version : {'\x01', '\x0e'}) {
    bytes[0] = version;
    EXPECT_EQ(decode_definition(bytes).error().code, ErrorCode::IncompatibleFormat);
  }
}

}  // namespace
}  // namespace server
