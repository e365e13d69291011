#include "engine/catalog/catalog.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

Catalog catalog_with_query(PersistentQuery query) {
  Catalog catalog;
  catalog.put(std::make_shared<const PersistentQuery>(query));
  return catalog;
}

TEST(Catalog, knows_the_readers_and_the_writers_of_a_source) {
  PersistentQuery query;
  query.id = "CSAS_B_0";
  query.sink = "B";
  query.sources = {"A", "T"};
  const Catalog catalog = catalog_with_query(query);
  EXPECT_EQ(catalog.readers_of("T"), std::vector<std::string>{"CSAS_B_0"});
  EXPECT_EQ(catalog.writers_of("B"), std::vector<std::string>{"CSAS_B_0"});
  EXPECT_TRUE(catalog.readers_of("B").empty());
}

TEST(Catalog, a_query_that_materializes_a_source_writes_nothing) {
  PersistentQuery query;
  query.id = "CST_T_0";
  query.kind = QueryKind::SourceTable;
  query.sources = {"T"};
  EXPECT_TRUE(catalog_with_query(query).writers_of("").empty());
}

TEST(Catalog, matches_names_exactly) {
  Catalog catalog;
  DataSource source;
  source.name = "Orders";
  catalog.put(std::make_shared<const DataSource>(source));
  EXPECT_NE(catalog.find_source("Orders"), nullptr);
  EXPECT_EQ(catalog.find_source("ORDERS"), nullptr);
}

}  // namespace
}  // namespace engine
