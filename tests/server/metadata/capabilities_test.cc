#include "server/metadata/capabilities.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

using namespace server;

TEST(Capabilities, the_manual_shows_the_table_of_the_program) {
  std::ifstream file(MANUAL_DIR "/cluster/sql.md");
  ASSERT_TRUE(file);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find("\n" + capability_lines() + "\n"), std::string::npos)
      << "docs/cluster/sql.md needs these lines:\n"
      << capability_lines();
}

TEST(Capabilities, a_feature_is_supported_if_its_row_lists_it) {
  EXPECT_TRUE(cluster_has(Feature::Generators));
  EXPECT_FALSE(cluster_has(Feature::MaterializedViews));
  EXPECT_TRUE(cluster_has(Feature::ShareGroups)) << "it needs no row";
  for (const Capability& row : capabilities())
    if (row.feature) EXPECT_EQ(cluster_has(*row.feature), row.in_cluster) << row.statement;
}
