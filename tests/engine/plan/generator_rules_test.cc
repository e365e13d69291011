#include "engine/plan/generator_rules.h"

#include <fmt/format.h>

#include "engine/plan/plan_json.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class GeneratorRulesTest : public PlanTest {
 protected:
  GeneratorPlan generated(std::string_view columns, std::string_view properties) {
    const auto planned = create(fmt::format(
        "CREATE STREAM s_{} ({}) WITH (GENERATOR = 'datagen'{});", ++count_, columns, properties));
    EXPECT_TRUE(planned) << planned.error().message;
    return planned ? *generator_of(*planned->generator) : GeneratorPlan{};
  }
  std::string rule(std::string_view column, std::string_view properties = "") {
    return to_text(generated(column, properties).rules.at(0));
  }
  std::string error(std::string_view columns, std::string_view properties) {
    return create_error(fmt::format("CREATE STREAM s_{} ({}) WITH (GENERATOR = 'datagen'{});",
                                    ++count_, columns, properties));
  }

 private:
  int count_ = 0;
};

TEST_F(GeneratorRulesTest, each_type_has_a_default_rule) {
  EXPECT_EQ(rule("c INT KEY"), "sequence from 1 to 2147483647");
  EXPECT_EQ(rule("c BIGINT"), "random from 0 to 999");
  EXPECT_EQ(rule("c VARCHAR KEY"), "random from c_0 to c_9");
  EXPECT_EQ(rule("c DECIMAL(8,2)"), "random from 0.00 to 1000.00");
  EXPECT_EQ(rule("c DECIMAL(2,1)"), "random from 0.0 to 9.9");
  EXPECT_EQ(rule("c DECIMAL(38,37)"),
            "random from 0.0000000000000000000000000000000000000 to "
            "0.0000000000000000001000000000000000000");
  EXPECT_EQ(rule("c DOUBLE"), "random from 0 to 100");
  EXPECT_EQ(rule("c BOOLEAN"), "random of true, false");
  EXPECT_EQ(rule("c BYTES"), "random of length 16");
  EXPECT_EQ(rule("c TIMESTAMP"), "now");
  EXPECT_EQ(rule("c DATE"), "now");
  const auto table = create("CREATE TABLE t (id INT PRIMARY KEY) WITH (GENERATOR = 'datagen');");
  ASSERT_TRUE(table);
  EXPECT_EQ(to_text(generator_of(*table->generator)->rules.at(0)), "random from 1 to 1000");
}

TEST_F(GeneratorRulesTest, an_option_of_one_kind_selects_that_kind) {
  EXPECT_EQ(rule("c INT", ", 'fields.c.start' = 5"), "sequence from 5 to 2147483647");
  EXPECT_EQ(rule("c INT KEY", ", 'fields.c.min' = -5"), "random from -5 to 1000");
  EXPECT_EQ(rule("c TIMESTAMP", ", 'fields.c.min' = '2026-01-01'"),
            "random from 2026-01-01 to 9999-12-31T23:59:59.999");
}

TEST_F(GeneratorRulesTest, a_bound_beyond_the_other_one_s_default_moves_that) {
  EXPECT_EQ(rule("c INT", ", 'fields.c.min' = 5000"), "random from 5000 to 2147483647");
  EXPECT_EQ(rule("c INT", ", 'fields.c.max' = -5"), "random from -5 to -5");
}

TEST_F(GeneratorRulesTest, columns_are_named_as_written_or_folded) {
  EXPECT_EQ(rule("`c` INT", ", 'fields.c.max' = 7"), "random from 0 to 7");
  EXPECT_EQ(rule("c INT", ", 'FIELDS.c.MAX' = 7"), "random from 0 to 7");
  EXPECT_EQ(error("c INT", ", 'fields.d.max' = 7"),
            "property fields.d.max names a column that does not exist: d");
  EXPECT_EQ(error("c INT", ", 'fields.max' = 7"), "unknown rule \"\" in property fields.max");
}

TEST_F(GeneratorRulesTest, rules_that_do_not_fit_each_other_are_refused) {
  EXPECT_EQ(error("c INT", ", 'fields.c.values' = '1', 'fields.c.max' = 3"),
            "property fields.c.values does not fit column C of type INTEGER: values can only be "
            "combined with kind and null_rate");
  EXPECT_EQ(error("c DOUBLE", ", 'fields.c.kind' = 'zipf'"),
            "property fields.c.kind does not fit column C of type DOUBLE: zipf requires INTEGER, "
            "BIGINT, STRING, or values");
  EXPECT_EQ(
      error("c BOOLEAN", ", 'fields.c.max' = 1"),
      "property fields.c.max does not fit column C of type BOOLEAN: such values have no range");
}

TEST_F(GeneratorRulesTest, bounds_follow_the_type) {
  EXPECT_EQ(error("c INT", ", 'fields.c.max' = 2147483648"),
            "property fields.c.max does not fit column C of type INTEGER: \"2147483648\" is not "
            "INTEGER");
  EXPECT_EQ(error("c DECIMAL(4,2)", ", 'fields.c.max' = '100'"),
            "property fields.c.max does not fit column C of type DECIMAL(4, 2): \"100\" is not "
            "DECIMAL(4, 2)");
  EXPECT_EQ(rule("c DECIMAL(38,0)", ", 'fields.c.min' = 5000"),
            "random from 5000 to 9223372036854775807");
}

TEST_F(GeneratorRulesTest, the_plan_comes_back_from_its_text) {
  const auto planned = create(
      "CREATE STREAM s (id INT KEY, city VARCHAR) WITH (GENERATOR = 'datagen', SEED = -7, "
      "ROWS_PER_SECOND = 3, NUMBER_OF_ROWS = 9, START_TIME = '2026-01-01', 'fields.city.values' = "
      "'a, b', 'fields.city.null_rate' = 0.25);");
  ASSERT_TRUE(planned);
  const std::string text = plan_to_json(*planned->generator);
  const auto read = plan_from_json(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(plan_to_json(*read), text);
  EXPECT_EQ(to_text(*generator_of(*read)),
            "3 rows per second, seed -7, 9 rows in all, event times from 2026-01-01T00:00:00.000");
  EXPECT_EQ(to_text(generator_of(*read)->rules.at(1)), "random of a, b, 25 % null");
}

TEST_F(GeneratorRulesTest, a_plan_without_sources_that_generates_nothing_is_no_plan) {
  const auto planned = create("CREATE STREAM s (id INT KEY) WITH (GENERATOR = 'datagen');");
  ASSERT_TRUE(planned);
  QueryPlan plan = *planned->generator;
  plan.sources = {"OTHER"};
  EXPECT_FALSE(plan_from_json(plan_to_json(plan)));
  plan = *planned->generator;
  std::get<InputStep>(plan.stages.at(0).nodes.at(0).step).generator->rules.clear();
  EXPECT_FALSE(plan_from_json(plan_to_json(plan)));
}

}  // namespace
}  // namespace engine
