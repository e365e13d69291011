// Each row of the function tables has an example, which must be true.
#include "engine/functions/families.h"
#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

TEST(Example, every_functions_example_is_true) {
  World world;
  const Layout none;
  for (const FunctionFamily* family : all_families()) {
    for (const FunctionDef& function : family->functions) {
      if (function.kind == FunctionKind::Table) continue;
      const std::string where = std::string(function.name) + std::string(function.signature) +
                                ": " + std::string(function.example);
      EXPECT_FALSE(function.doc.empty()) << where;
      const auto expression = bound(function.example, Scope(none));
      EXPECT_TRUE(expression) << where << "\n" << error_text(expression.error());
      if (!expression) continue;
      EXPECT_EQ(expression->type.to_string(), "BOOLEAN") << where;
      const auto results = Program(*expression).run({}, 1, world.context);
      EXPECT_EQ(shown_row(results[0], 0), "true") << where;
    }
  }
}
