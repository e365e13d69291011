// Checks columns made of rows in files, and rows as JSON.
#include "engine/connect/row_columns.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(RowColumns, are_inferred_from_all_values) {
  const std::vector<std::string> names = {"id", "price", "flag", "zip", "none", "mixed"};
  const std::vector<CsvFields> rows = {{"1", "2", "true", "01234", std::nullopt, "1"},
                                       {"-9000000000", "2.5", "false", "99999", std::nullopt, "x"}};
  EXPECT_EQ(columns_sql(infer_csv_columns(names, rows)),
            "`ID` BIGINT, `PRICE` DOUBLE, `FLAG` BOOLEAN, `ZIP` VARCHAR, `NONE` VARCHAR, "
            "`MIXED` VARCHAR");
  const std::vector<std::string_view> lines = {R"({"a":1,"b":{"c":2}})", "no json",
                                               R"({"A":1.5,"d e":null,"f":true})"};
  EXPECT_EQ(columns_sql(infer_json_columns(lines)),
            "`A` DOUBLE, `B` VARCHAR, `d e` VARCHAR, `F` BOOLEAN");
}

TEST(RowColumns, are_read_from_sql) {
  const RowColumns columns =
      row_columns_of_sql("ip VARCHAR, `d e` integer, x DECIMAL(10, 2), m MAP<VARCHAR, INT>");
  EXPECT_EQ(columns, (RowColumns{{"IP", RowType::Varchar},
                                 {"d e", RowType::Int},
                                 {"X", RowType::Decimal},
                                 {"M", RowType::Varchar}}));
  EXPECT_EQ(parse_row_columns(row_columns_json(columns)).value(), columns);
}

TEST(RowColumns, rows_become_json_of_their_types) {
  const RowColumns columns = {
      {"ID", RowType::Int}, {"price", RowType::Double}, {"ok", RowType::Boolean}};
  const std::vector<std::string> names = {"id", "price", "ok", "note"};
  EXPECT_EQ(csv_row_as_json(names, {"7", "1.50", "TRUE", "say \"x\""}, columns).value(),
            R"({"id":7,"price":1.50,"ok":true,"note":"say \"x\""})");
  EXPECT_EQ(csv_row_as_json(names, {std::nullopt, std::nullopt, std::nullopt, ""}, columns).value(),
            R"({"id":null,"price":null,"ok":null,"note":""})");
}

TEST(RowColumns, a_wrong_value_names_its_column_and_type) {
  const RowColumns columns = {{"id", RowType::Int}};
  const auto message = [&](const CsvFields& row) {
    return csv_row_as_json({"id"}, row, columns).error().message;
  };
  EXPECT_EQ(message({"x"}), "id \"x\" is not INT");
  EXPECT_EQ(message({"3000000000"}), "id \"3000000000\" is not INT");
  EXPECT_EQ(message({"1", "2"}), "a CSV record has 2 fields instead of 1");
}

}  // namespace
}  // namespace engine
