#include "engine/formats/format.h"

namespace engine {
namespace {

std::string why(const Status& status) { return status ? "" : status.error().message; }
Status check(const FormatSpec& spec, std::vector<ColumnDef> columns, Side side = Side::Value) {
  return validate_format(spec, columns, side);
}
ColumnDef key(std::string name, SqlType type) {
  return {std::move(name), std::move(type), ColumnRole::Key};
}

TEST(Format, unknown_formats_and_wrong_wrapping_are_refused) {
  EXPECT_EQ(why(check({.name = "FOO"}, {})), "Unknown format: FOO");
  EXPECT_TRUE(check({.name = "AVRO"}, {}));
  EXPECT_EQ(why(check({.name = "PROTOBUF", .wrap_single = false}, {{"V", TypeKind::Integer}})),
            "Format 'PROTOBUF' does not support 'WRAP_SINGLE_VALUE' set to 'false'.");
}

TEST(Format, each_format_refuses_the_types_it_cannot_hold) {
  const SqlType list = SqlType::array(TypeKind::Integer);
  const SqlType numbered = SqlType::map(TypeKind::Integer, TypeKind::Double);
  EXPECT_EQ(why(check({.name = "KAFKA"}, {{"V", list}})),
            "The 'KAFKA' format does not support type 'ARRAY'");
  EXPECT_EQ(why(check({.name = "KAFKA"}, {{"V0", TypeKind::Integer}, {"V1", TypeKind::String}})),
            "The 'KAFKA' format only supports a single field. Got: [`V0` INTEGER, `V1` STRING]");
  EXPECT_EQ(why(check({.name = "DELIMITED"}, {{"V", list}})),
            "The 'DELIMITED' format does not support type 'ARRAY', column: `V`");
  EXPECT_EQ(why(check({.name = "JSON"}, {{"V", SqlType::array(numbered)}})),
            "JSON only supports MAP types with STRING keys");
  EXPECT_EQ(
      why(check({.name = "NONE"}, {key("K", TypeKind::String)}, Side::Key)),
      "The 'NONE' format can only be used when no columns are defined. Got: [`K` STRING KEY]");
  EXPECT_TRUE(check({.name = "NONE"}, {}));
  EXPECT_TRUE(check({.name = "KAFKA"}, {}, Side::Key));
}

// Windowed keys and keys of other programs may have another format than the source declares.
TEST(Format, keys_that_no_column_wants_are_not_read) {
  for (const char* name : {"JSON", "DELIMITED", "KAFKA"}) {
    const auto reader = make_reader({.name = name}, {}, Side::Key);
    ASSERT_TRUE(reader);
    RowStatus status;
    const std::optional<std::string_view> payloads[] = {"\xff\xfe{", std::nullopt};
    (*reader)->read(payloads, {}, status);
    EXPECT_EQ(status.errors, 0u) << name;
  }
}

TEST(Format, a_key_that_does_not_fit_is_described_with_its_schema) {
  const std::vector<ColumnDef> keys = {key("K", SqlType::array(TypeKind::Double))};
  EXPECT_EQ(
      why(validate_key_schema({.name = "DELIMITED"}, keys)),
      "Key format does not support schema.\nformat: DELIMITED\nschema: Persistence{columns=[`K` "
      "ARRAY<DOUBLE> KEY], features=[]}\nreason: The 'DELIMITED' format does not support type "
      "'ARRAY', column: `K`");
  const std::vector<ColumnDef> maps = {key("K", SqlType::map(TypeKind::Integer, TypeKind::Double))};
  EXPECT_EQ(why(validate_key_schema({.name = "JSON"}, maps)),
            "Map keys, including types that contain maps, are not supported as they may lead to "
            "unexpected behavior due to inconsistent serialization. Key column name: `K`. Column "
            "type: MAP<INTEGER, DOUBLE>. See https://github.com/confluentinc/ksql/issues/6621 for "
            "more.");
}

TEST(Format, wrapping_is_for_single_values_and_formats_that_can) {
  const std::vector<ColumnDef> single = {{"V", TypeKind::Integer}};
  EXPECT_EQ(why(check({.name = "DELIMITED", .wrap_single = true}, single)),
            "Format 'DELIMITED' does not support 'WRAP_SINGLE_VALUE' set to 'true'.");
  EXPECT_EQ(why(check({.name = "JSON", .wrap_single = true},
                      {{"V", TypeKind::Integer}, {"W", TypeKind::Integer}})),
            "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas");
  EXPECT_TRUE(is_wrapped({.name = "JSON"}, 1, Side::Value));
  EXPECT_FALSE(is_wrapped({.name = "JSON"}, 1, Side::Key));
  EXPECT_TRUE(is_wrapped({.name = "JSON"}, 2, Side::Key));
  EXPECT_FALSE(is_wrapped({.name = "JSON", .wrap_single = false}, 1, Side::Value));
  EXPECT_EQ(apply_default_wrapping({.name = "JSON"}, single, false).wrap_single, false);
  EXPECT_EQ(apply_default_wrapping({.name = "KAFKA"}, single, true).wrap_single, std::nullopt);
  EXPECT_EQ(serde_features({.name = "JSON"}, 1, Side::Key),
            std::vector<std::string_view>{"UNWRAP_SINGLES"});
  EXPECT_TRUE(serde_features({.name = "KAFKA"}, 1, Side::Key).empty());
  EXPECT_TRUE(serde_features({.name = "JSON"}, 1, Side::Value).empty());
}

TEST(Format, delimiters_are_one_character_or_named) {
  EXPECT_EQ(*parse_delimiter("VALUE_DELIMITER", "TAB"), '\t');
  EXPECT_EQ(*parse_delimiter("VALUE_DELIMITER", "SPACE"), ' ');
  EXPECT_EQ(*parse_delimiter("VALUE_DELIMITER", "|"), '|');
  EXPECT_EQ(
      parse_delimiter("VALUE_DELIMITER", "<~>").error().message,
      "Configuration VALUE_DELIMITER is invalid: Invalid delimiter value: '<~>'. Delimiter must "
      "be a single character or TAB,SPACE\nExample valid value: ';'");
  const std::string empty =
      "Configuration VALUE_DELIMITER is invalid: Delimiter cannot be empty, if you meant to have a "
      "tab or space for delimiter, please use the special values 'TAB' or 'SPACE'\nExample valid "
      "value: ';'";
  EXPECT_EQ(parse_delimiter("VALUE_DELIMITER", "").error().message, empty);
  EXPECT_EQ(parse_delimiter("VALUE_DELIMITER", "\t").error().message, empty);
  EXPECT_EQ(why(validate_delimiter_use("JSON")),
            "JSON does not support the following configs: [delimiter]");
}

}  // namespace
}  // namespace engine
