// Each row of the function tables has an example. The example must be true, also after the
// expression was written as part of a plan and read again.
#include "engine/expr/bound_json.h"
#include "engine/functions/families.h"
#include "tests/engine/expr/expression_tools.h"

using namespace expression_tools;

static std::string json_of(const engine::BoundExpression& expression) {
  engine::JsonWriter out;
  engine::write_json(out, expression);
  return out.take();
}

TEST(Example, every_functions_example_is_true) {
  World world;
  const Layout none;
  for (const FunctionFamily* family : all_families()) {
    for (const FunctionDef& function : family->functions) {
      if (function.kind == FunctionKind::Table) continue;
      const std::string where = std::string(function.name) + std::string(function.signature) +
                                ": " + std::string(function.example);
      EXPECT_FALSE(function.doc.empty()) << where;
      Scope scope(none);
      scope.texts_take_types = function.name.starts_with("pg_catalog.");
      const auto expression = bound(function.example, scope);
      EXPECT_TRUE(expression) << where << "\n" << error_text(expression.error());
      if (!expression) continue;
      EXPECT_EQ(expression->type.to_string(), "BOOLEAN") << where;
      const auto results = Program(*expression).run({}, 1, world.context);
      EXPECT_EQ(shown_row(results[0], 0), "true") << where;

      const std::string written = json_of(*expression);
      const auto document = engine::JsonDocument::parse(written);
      ASSERT_TRUE(document) << written;
      engine::BoundExpression again;
      ASSERT_TRUE(engine::read_json(document->root(), again)) << written << "\n"
                                                              << document->root().take_problem();
      EXPECT_EQ(json_of(again), written) << where;
      EXPECT_EQ(shown_row(Program(again).run({}, 1, world.context)[0], 0), "true") << where;
    }
  }
}
