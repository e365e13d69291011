// Tests the plans of joins: steps, names, keys, and refused joins.
#include "engine/plan/query_plan.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class JoinPlan : public PlanTest {
 protected:
  void SetUp() override {
    for (const char* sql :
         {"CREATE STREAM s (id INT KEY, a INT, b VARCHAR) WITH (PARTITIONS = 2);",
          "CREATE STREAM keyless (id INT, a INT) WITH (PARTITIONS = 3);",
          "CREATE STREAM dated (id INT KEY, ts BIGINT) WITH (TIMESTAMP = 'ts', PARTITIONS = 2);",
          "CREATE TABLE t (id INT PRIMARY KEY, a INT, c VARCHAR) WITH (PARTITIONS = 2);",
          "CREATE TABLE u (id INT PRIMARY KEY, d INT) WITH (PARTITIONS = 2);",
          "CREATE TABLE wide (id INT PRIMARY KEY, d INT) WITH (PARTITIONS = 5);",
          "CREATE TABLE timed (id INT PRIMARY KEY, ts BIGINT) WITH (TIMESTAMP = 'ts', "
          "PARTITIONS = 2);"})
      ASSERT_TRUE(create(sql)) << sql;
  }

  Result<PlannedQuery> plan(const std::string& sql) {
    const ParsedStatement statement = TRY(parse(sql));
    const PlanContext context{*catalog_, *this, settings_, session_};
    if (const auto* select = std::get_if<Query>(&statement.statement))
      return plan_push_query(*select, context);
    return plan_create_as(std::get<CreateAsSelect>(statement.statement), statement, context);
  }
  QueryPlan planned(const std::string& sql) {
    auto made = plan(sql);
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->plan : QueryPlan{};
  }
  std::string schema(const std::string& select) {
    const auto made = plan("CREATE STREAM x AS " + select + ";");
    return made ? made->result.to_string() : made.error().message;
  }
  std::string error(const std::string& sql) {
    const auto made = plan(sql);
    if (made) return "no error";
    return made.error().ksqldb.empty() ? made.error().message : made.error().ksqldb;
  }
  std::string from_error(const std::string& from) {
    return error("CREATE STREAM x AS SELECT * FROM " + from + ";");
  }
  static const InputStep& table_input(const QueryPlan& plan) {
    for (const PlanNode& node : plan.stages.back().nodes)
      if (const auto* input = std::get_if<InputStep>(&node.step); input && input->is_joined)
        return *input;
    static const InputStep kNone;
    return kNone;
  }
};

TEST_F(JoinPlan, on_the_streams_key_needs_no_exchange) {
  const QueryPlan plan = planned("CREATE STREAM x AS SELECT * FROM s JOIN t ON s.id = t.id;");
  EXPECT_EQ(plan.stages.size(), 1u);
  EXPECT_TRUE(plan.exchanges.empty());
  EXPECT_EQ(plan.sources, (std::vector<std::string>{"S", "T"}));
}

TEST_F(JoinPlan, on_a_value_goes_through_an_exchange_like_the_table) {
  const QueryPlan plan =
      planned("CREATE STREAM x AS SELECT k.id, c FROM keyless k JOIN t ON k.id = t.id;");
  ASSERT_EQ(plan.exchanges.size(), 1u);
  EXPECT_EQ(plan.exchanges.front().partitions, 2);
  // The exchange has only the key and the selected columns.
  EXPECT_EQ(plan.exchanges.front().schema.to_string(), "`K_ID` INTEGER KEY");
  EXPECT_EQ(plan.exchanges.front().topic,
            "_confluent-ksql-default_query_CSAS_X_0-Join-repartition");
}

TEST_F(JoinPlan, a_clients_join_is_one_task_without_an_exchange) {
  const QueryPlan plan =
      planned("SELECT * FROM keyless k JOIN wide w ON k.id = w.id EMIT CHANGES;");
  EXPECT_EQ(plan.stages.size(), 1u);
  EXPECT_TRUE(plan.exchanges.empty());
}

TEST_F(JoinPlan, reads_only_the_columns_that_are_looked_at) {
  const QueryPlan plan = planned("CREATE STREAM x AS SELECT s.id, c FROM s JOIN t ON s.id = t.id;");
  const auto& stream = std::get<InputStep>(plan.stages.front().nodes.front().step);
  EXPECT_EQ(stream.used, (std::vector<bool>{true, false, false, false, false, false}));
  EXPECT_EQ(table_input(plan).used, (std::vector<bool>{false, false, true, false, false, false}));
}

TEST_F(JoinPlan, star_names_every_column_after_its_source) {
  EXPECT_EQ(schema("SELECT * FROM s JOIN t ON s.id = t.id"),
            "`S_ID` INTEGER KEY, `S_A` INTEGER, `S_B` STRING, `T_ID` INTEGER, `T_A` INTEGER, `T_C` "
            "STRING");
  EXPECT_EQ(schema("SELECT l.*, r.c FROM s AS l JOIN t AS r ON l.id = r.id"),
            "`L_ID` INTEGER KEY, `L_A` INTEGER, `L_B` STRING, `C` STRING");
}

TEST_F(JoinPlan, a_column_is_named_after_its_source_only_where_both_have_it) {
  EXPECT_EQ(schema("SELECT s.id, s.a, b, c FROM s JOIN t ON s.id = t.id"),
            "`S_ID` INTEGER KEY, `S_A` INTEGER, `B` STRING, `C` STRING");
}

TEST_F(JoinPlan, any_column_that_holds_the_key_can_name_it) {
  EXPECT_EQ(schema("SELECT b, t.id FROM s JOIN t ON s.id = t.id"),
            "`T_ID` INTEGER KEY, `B` STRING");
  EXPECT_EQ(schema("SELECT b, u.id FROM s JOIN t ON s.id = t.id JOIN u ON t.id = u.id"),
            "`U_ID` INTEGER KEY, `B` STRING");
  EXPECT_EQ(schema("SELECT s.id, b, u.id FROM s JOIN t ON s.id = t.id JOIN u ON s.a = u.id"),
            "`U_ID` INTEGER KEY, `S_ID` INTEGER, `B` STRING");
}

TEST_F(JoinPlan, without_its_key_is_refused) {
  EXPECT_EQ(error("CREATE STREAM x AS SELECT b, c FROM s JOIN t ON s.id = t.id;"),
            "Key missing from projection (ie, SELECT).\nThe query used to build `X` must include "
            "the join expressions S.ID or T.ID in its projection (eg, SELECT S.ID...).");
  EXPECT_EQ(error("CREATE STREAM x AS SELECT b, c FROM s JOIN t ON s.a + 1 = t.id;"),
            "Key missing from projection (ie, SELECT).\nThe query used to build `X` must include "
            "the join expression T.ID in its projection (eg, SELECT T.ID...).");
  EXPECT_EQ(error("CREATE STREAM x AS SELECT s.id, s.id AS k, c FROM s JOIN t ON s.id = t.id;"),
            "The projection contains a key column (`S_ID`) more than once, aliased as: S_ID and "
            "K.");
}

TEST_F(JoinPlan, conditions_that_no_join_can_have) {
  EXPECT_EQ(from_error("s JOIN t ON s.id = t.id AND s.a = t.a"),
            "Invalid join condition: joins on multiple conditions are not yet supported. Got "
            "((S.ID = T.ID) AND (S.A = T.A)).");
  EXPECT_EQ(from_error("s JOIN t ON s.id > t.id"), "Only equality join criteria is supported.");
  EXPECT_EQ(from_error("s JOIN t ON s.id = 1"),
            "Invalid comparison expression '1' in join '(S.ID = 1)'. Each side of the join "
            "comparision must contain references from exactly one source.");
  EXPECT_EQ(from_error("s JOIN t ON s.id = t.id + s.a"),
            "Invalid comparison expression '(T.ID + S.A)' in join '(S.ID = (T.ID + S.A))'. Each "
            "side of the join comparision must contain references from exactly one source.");
  EXPECT_EQ(from_error("s JOIN t ON s.id = s.a"),
            "Each side of the join must reference exactly one source and not the same source. "
            "Left side references `S` and right references `S`");
  EXPECT_EQ(from_error("s JOIN t ON s.b = t.id"),
            "Invalid join condition: types don't match. Got S.B{STRING} = T.ID{INTEGER}.");
  EXPECT_EQ(from_error("s JOIN t ON t.a = s.id"),
            "Invalid join condition: stream-table joins require to join on the table's primary "
            "key. Got T.A = S.ID.");
  EXPECT_EQ(from_error("s JOIN t ON s.id = u.id JOIN u ON s.id = u.id"),
            "Cannot build JOIN tree; neither source in the join is the FROM source or included in "
            "a previous JOIN: (S.ID = U.ID)");
  EXPECT_EQ(from_error("s JOIN t ON s.id = t.id JOIN u ON s.id = t.id"),
            "Cannot perform circular join: U is not compared with anything");
  EXPECT_EQ(from_error("s JOIN t ON s.id = t.nothing"),
            "Line: 1, Col: 53: JOIN ON column 'T.NOTHING' cannot be resolved.");
}

TEST_F(JoinPlan, kinds_that_do_not_exist) {
  EXPECT_EQ(from_error("s FULL OUTER JOIN t ON s.id = t.id"),
            "Invalid join type: full-outer join not supported for stream-table join. Got S [FULL] "
            "OUTER JOIN T.");
  EXPECT_EQ(from_error("s RIGHT JOIN t ON s.id = t.id"),
            "Invalid join type encountered: RIGHT [OUTER] JOIN");
  EXPECT_EQ(from_error("t LEFT JOIN s ON s.id = t.id"),
            "Invalid join order: table-stream joins are not supported; only stream-table joins. "
            "Got T LEFT [OUTER] JOIN S.");
  EXPECT_TRUE(from_error("s JOIN t WITHIN 1 HOUR ON s.id = t.id")
                  .starts_with("A window definition was provided for a Stream-Table join."));
}

TEST_F(JoinPlan, joins_that_only_ksqldb_refuses_are_refused_in_its_mode_alone) {
  const std::string self = "s JOIN s AS z WITHIN 1 HOUR ON s.id = z.id";
  const std::string chain = "t JOIN u ON t.id = u.id JOIN wide ON t.a = wide.id";
  const auto error_of = [&](const std::string& from) {
    return error("CREATE TABLE x AS SELECT t.id FROM " + from + ";");
  };
  EXPECT_EQ(from_error(self), "no error");
  EXPECT_FALSE(error_of(chain).starts_with("Invalid join condition")) << error_of(chain);
  settings_.ksqldb_compat = true;
  EXPECT_EQ(from_error(self), "Can not join 'S' to 'S': self joins are not yet supported.");
  EXPECT_EQ(error_of(chain),
            "Invalid join condition: foreign-key table-table joins are not supported as part of "
            "n-way joins. Got T.A = WIDE.ID.");
}

TEST_F(JoinPlan, a_foreign_key_takes_three_stages) {
  const QueryPlan plan =
      planned("CREATE TABLE x AS SELECT t.id, wide.d FROM t JOIN wide ON t.a = wide.id;");
  ASSERT_EQ(plan.stages.size(), 3u);
  // The first exchange is by the key of the right table and has as many partitions as that table;
  // the second is by the key of the left table.
  ASSERT_EQ(plan.exchanges.size(), 2u);
  EXPECT_EQ(plan.exchanges[0].partitions, 5);
  EXPECT_EQ(plan.exchanges[1].partitions, 2);
  EXPECT_EQ(plan.exchanges[1].schema.keys().front().name, "ID");
  ASSERT_TRUE(plan.materialization);
  EXPECT_EQ(plan.materialization->stage, 2);
}

TEST_F(JoinPlan, the_result_of_a_foreign_key_has_the_left_primary_key) {
  const auto error_of = [&](const std::string& items, const std::string& kind) {
    return error("CREATE TABLE x AS SELECT " + items + " FROM t " + kind + " u ON t.a = u.id;");
  };
  EXPECT_EQ(error_of("t.id, u.id AS other", "JOIN"), "no error");
  EXPECT_EQ(error_of("u.id, t.a", "JOIN"),
            "Primary key column missing in projection. For foreign-key table-table joins, the "
            "projection must include all primary key columns from the left input table (`T`). "
            "Missing column: `ID`.");
  EXPECT_EQ(error_of("t.id, t.a", "RIGHT JOIN"),
            "RIGHT OUTER JOIN on a foreign key is not supported");
  EXPECT_EQ(error_of("t.id, t.a", "FULL JOIN"),
            "Invalid join type: full-outer join not supported for foreign-key table-table join. "
            "Got T [FULL] OUTER JOIN U.");
  EXPECT_EQ(error("CREATE TABLE x AS SELECT t.id, nothing FROM t JOIN u ON t.a = u.id;"),
            "Line: 1, Col: 32: SELECT column 'NOTHING' cannot be resolved.");
}

TEST_F(JoinPlan, a_key_that_no_column_holds_is_rowkey) {
  EXPECT_EQ(
      error("CREATE STREAM x AS SELECT ROWKEY, s.id AS a FROM s FULL JOIN dated WITHIN 1 HOUR "
            "ON s.id = dated.id;"),
      "no error");
  EXPECT_EQ(from_error("s JOIN dated WITHIN 1 HOUR ON s.id = dated.id"), "no error");
  EXPECT_EQ(from_error("s JOIN dated ON s.id = dated.id"),
            "Stream-Stream joins must have a WITHIN clause specified. None was provided.");
}

TEST_F(JoinPlan, numbers_of_partitions_must_match_unless_the_stream_moves_anyway) {
  EXPECT_EQ(from_error("s JOIN wide ON s.id = wide.id"),
            "Can't join `S` with `WIDE` since the number of partitions don't match. `S` partitions "
            "= 2; `WIDE` partitions = 5. Please repartition either one so that the number of "
            "partitions match.");
  EXPECT_EQ(from_error("s JOIN wide ON s.a = wide.id"), "no error");
  // The number of partitions at the time of planning is used.
  add_topic("t", 3);
  EXPECT_TRUE(from_error("s JOIN t ON s.id = t.id").starts_with("Can't join `S` with `T`"));
  EXPECT_EQ(planned("CREATE STREAM x AS SELECT * FROM s JOIN t ON s.a = t.id;")
                .exchanges.front()
                .partitions,
            3);
}

TEST_F(JoinPlan, a_table_is_read_first_where_only_the_streams_time_comes_from_the_data) {
  const auto is_read_first = [&](const std::string& from) {
    return table_input(planned("CREATE STREAM x AS SELECT * FROM " + from + ";")).is_read_first;
  };
  EXPECT_TRUE(is_read_first("dated JOIN t ON dated.id = t.id"));
  EXPECT_FALSE(is_read_first("s JOIN t ON s.id = t.id"));
  EXPECT_FALSE(is_read_first("dated JOIN timed ON dated.id = timed.id"));
  // A stream that a query writes has the event times of the query's input, so it is read in the same way.
  ASSERT_TRUE(create("CREATE STREAM copied (id INT KEY, ts BIGINT) WITH (PARTITIONS = 2);"));
  add_query("CSAS_COPIED_1", "COPIED", {"DATED"});
  EXPECT_TRUE(is_read_first("copied JOIN t ON copied.id = t.id"));

  session_["join.table.bootstrap"] = "false";
  EXPECT_FALSE(is_read_first("dated JOIN t ON dated.id = t.id"));
  session_["join.table.bootstrap"] = "true";
  EXPECT_TRUE(is_read_first("s JOIN t ON s.id = t.id"));
  session_.clear();
  settings_.ksqldb_compat = true;
  EXPECT_FALSE(is_read_first("dated JOIN t ON dated.id = t.id"));
}

// Rows must arrive in the order of event time. Otherwise tasks that are ahead would make the records of other tasks
// late.
TEST_F(JoinPlan, rows_come_to_a_window_in_the_order_of_event_time) {
  const auto merging = [&](const std::string& group) {
    std::string text;
    const QueryPlan plan = planned("CREATE TABLE x AS SELECT " + group +
                                   ", COUNT(*) FROM keyless k JOIN t ON k.a = "
                                   "t.id WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY " +
                                   group + ";");
    for (const StagePlan& stage : plan.stages)
      text += stage.merges_partitions ? "merged " : "split ";
    for (const ExchangePlan& exchange : plan.exchanges)
      text += exchange.is_time_ordered ? "ordered " : "appended ";
    return text;
  };
  EXPECT_EQ(merging("t.id"), "split split ordered ");
  EXPECT_EQ(merging("c"), "split merged split ordered appended ");
}

// A task that reads all partitions of a time-ordered exchange has one lane (ExchangeLanes) for each
// pair of a source and a target partition.
TEST_F(JoinPlan, one_task_before_a_window_reads_a_bounded_number_of_lanes) {
  const auto is_ordered = [&](int partitions) {
    const std::string number = std::to_string(partitions);
    const std::string with = ") WITH (PARTITIONS = " + number + ");";
    EXPECT_TRUE(create("CREATE STREAM wide_s" + number + " (id INT, a INT" + with));
    EXPECT_TRUE(create("CREATE TABLE wide_t" + number + " (id INT PRIMARY KEY, c INT" + with));
    const QueryPlan plan =
        planned("CREATE TABLE x AS SELECT c, COUNT(*) FROM wide_s" + number + " s JOIN wide_t" +
                number + " t ON s.a = t.id WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY c;");
    EXPECT_EQ(plan.stages[0].merges_partitions, !plan.exchanges[0].is_time_ordered);
    EXPECT_TRUE(plan.stages[1].merges_partitions);
    return plan.exchanges[0].is_time_ordered;
  };
  EXPECT_TRUE(is_ordered(16));
  EXPECT_FALSE(is_ordered(17));
}

// Rows must arrive in the order of event time. Otherwise changes of the table could be applied before earlier
// records that are still in the exchange.
TEST_F(JoinPlan, rows_come_to_a_table_that_goes_by_time_in_the_order_of_event_time) {
  const auto ordered = [&](const std::string& from) {
    std::vector<bool> each;
    for (const ExchangePlan& exchange :
         planned("CREATE STREAM x AS SELECT * FROM " + from + ";").exchanges)
      each.push_back(exchange.is_time_ordered);
    return each;
  };
  using Ordered = std::vector<bool>;
  EXPECT_EQ(ordered("keyless k JOIN t ON k.a = t.id"), Ordered{true});
  EXPECT_EQ(ordered("dated d JOIN timed ON CAST(d.ts AS INT) = timed.id"), Ordered{true});
  // A table on the left side of a join does not wait for a stream.
  EXPECT_EQ(ordered("dated d JOIN t ON CAST(d.ts AS INT) = t.id"), Ordered{false});
  // A reader of an exchange does not know the progress of its writers.
  EXPECT_EQ(ordered("s JOIN t ON s.a = t.id JOIN u ON t.a = u.id"), (Ordered{true, false}));
  EXPECT_EQ(ordered("s JOIN t ON s.id = t.id JOIN u ON t.a = u.id"), Ordered{true});
}

TEST_F(JoinPlan, a_pair_of_tasks_has_a_partition_and_so_there_are_not_too_many) {
  const auto is_ordered = [&](int streams, int tables) {
    const std::string number = std::to_string(streams) + "_" + std::to_string(tables);
    EXPECT_TRUE(create("CREATE STREAM s" + number +
                       " (id INT, a INT) WITH (PARTITIONS = " + std::to_string(streams) + ");"));
    EXPECT_TRUE(create("CREATE TABLE t" + number + " (id INT PRIMARY KEY) WITH (PARTITIONS = " +
                       std::to_string(tables) + ");"));
    return planned("CREATE STREAM x AS SELECT t.id, a FROM s" + number + " s JOIN t" + number +
                   " t ON s.a = t.id;")
        .exchanges.front()
        .is_time_ordered;
  };
  EXPECT_TRUE(is_ordered(64, 64));
  EXPECT_FALSE(is_ordered(65, 1));
  EXPECT_FALSE(is_ordered(1, 65));
}

TEST_F(JoinPlan, groups_by_the_joined_key_stay_where_they_are) {
  EXPECT_EQ(planned("CREATE TABLE x AS SELECT t.id, COUNT(*) FROM s JOIN t ON s.id = t.id GROUP BY "
                    "t.id;")
                .stages.size(),
            1u);
  EXPECT_EQ(planned("CREATE TABLE x AS SELECT c, COUNT(*) FROM s JOIN t ON s.id = t.id GROUP BY c;")
                .stages.size(),
            2u);
}

}  // namespace
}  // namespace engine
