#include "engine/plan/join_check.h"

#include <fmt/format.h>

#include "engine/formats/format.h"
#include "engine/plan/join_analysis.h"
#include "engine/plan/select_plan.h"

namespace engine {

namespace {

Error invalid_join(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

std::string_view window_word(const DataSource& source) {
  constexpr std::string_view kWords[] = {"TUMBLING", "HOPPING", "SESSION"};
  return kWords[static_cast<size_t>(source.window->type)];
}

std::string described_window(const DataSource& source) {
  if (!source.window) return fmt::format("`{}` is not windowed", source.name);
  return fmt::format("`{}` is {} windowed", source.name, window_word(source));
}

class JoinCheck {
 public:
  JoinCheck(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
            const PlanContext& context)
      : join_(join),
        analysis_(analysis),
        context_(context),
        left_(analysis.sources[join.left]),
        right_(analysis.sources[join.right]),
        left_is_table_(left_is_table),
        right_is_table_(right_.source->kind == SourceKind::Table) {}

  Status run() const {
    TRY(check_order());
    const SqlType left = TRY(type_of(*join_.left_key, left_));
    const SqlType right = TRY(type_of(*join_.right_key, right_));
    TRY(check_primary_key());
    TRY(check_types(left, right));
    if (join_.is_foreign) return check_foreign();
    TRY(check_windows());
    if (left_is_table_) return check_table_table();
    return right_is_table_ ? check_stream_table() : check_stream_stream();
  }

 private:
  Status check_order() const {
    if (!left_is_table_ || right_is_table_) return {};
    return invalid_join(
               fmt::format("Invalid join order: table-stream joins are not supported; only "
                           "stream-table joins. Got {}.",
                           join_text(join_, analysis_.sources)))
        .at(join_.position)
        .with_hint("Put the stream after FROM, and join the table to it.");
  }

  Result<SqlType> type_of(const Expression& key, const AnalysedSource& source) const {
    const Layout layout = input_layout(*source.source, source.alias);
    return TRY(bind(key, make_scope(layout, "JOIN ON", analysis_, context_))).type;
  }

  Status check_primary_key() const {
    if (!right_is_table_ || is_key_of(*join_.right_key, right_)) return {};
    std::vector<std::string> names;
    for (const ColumnDef& key : right_.source->schema.keys()) names.push_back(key.name);
    return invalid_join(
               fmt::format("Invalid join condition: {} joins require to join on {}. Got {}.",
                           left_is_table_ ? "table-table" : "stream-table",
                           left_is_table_ ? "the primary key of the right input table"
                                          : "the table's primary key",
                           condition_text(join_)))
        .at(join_.position)
        .with_hint(fmt::format("The primary key of {} is {}.{}", right_.source->name,
                               join_words(names, "and"), cast_of_left_side()));
  }

  // Returns the hint for a condition whose right side is a CAST of the table's only key; empty for other conditions.
  std::string cast_of_left_side() const {
    const auto* cast = join_.right_key->as<Cast>();
    if (!cast || right_.source->schema.keys().size() != 1 || !is_key_of(*cast->operand, right_))
      return {};
    return " " + cast_hint(*cast->operand, right_.source->schema.keys().front().type);
  }

  // Returns the hint with the condition in which the left side is cast to the type of the table's key.
  std::string cast_hint(const Expression& key, const SqlType& type) const {
    return fmt::format(
        "Rows of a table are found by the stored key, so CAST the other side: "
        "CAST({} AS {}) = {}.",
        to_sql(*join_.left_key), type.to_string(), to_sql(key));
  }

  Status check_types(SqlType left, SqlType right) const {
    const auto* column = join_.left_key->as<ColumnRef>();
    const ColumnDef key{column ? column->source->text + "_" + column->name.text : "KSQL_COL_0",
                        left, ColumnRole::Key};
    TRY(validate_no_maps_in_key({&key, 1}));
    if (left == right) return {};
    std::string hint = right_is_table_ ? cast_hint(*join_.right_key, right)
                                       : std::string("CAST one side to the type of the other.");
    const Expression *first = join_.left_key.get(), *second = join_.right_key.get();
    if (join_.is_flipped) {
      std::swap(first, second);
      std::swap(left, right);
    }
    return Error{ErrorCode::TypeMismatch,
                 fmt::format("Invalid join condition: types don't match. Got {}{{{}}} = {}{{{}}}.",
                             to_sql(*first), left.to_string(), to_sql(*second), right.to_string())}
        .at(join_.position)
        .with_hint(std::move(hint));
  }

  Status check_windows() const {
    if (!left_.source->window && !right_.source->window) return {};
    if (!left_.source->window || !right_.source->window)
      return invalid_join(
                 fmt::format("Can not join windowed source to non-windowed source.\n{}\n{}",
                             described_window(*left_.source), described_window(*right_.source)))
          .at(join_.position);
    if ((left_.source->window->type == WindowType::Session) !=
        (right_.source->window->type == WindowType::Session))
      return invalid_join(
                 fmt::format(
                     "Incompatible windowed sources.\nLeft source: {}\nRight source: {}\n"
                     "Session windowed sources can only be joined to other session "
                     "windowed sources, and may still not result in expected behaviour as "
                     "session bounds must be an exact match for the join to work\nHopping "
                     "and tumbling windowed sources can only be joined to other hopping and "
                     "tumbling windowed sources",
                     window_word(*left_.source), window_word(*right_.source)))
          .at(join_.position);
    // Windowed sources must be joined by their keys and must have equal windows. Otherwise rows
    // with equal key bytes would be joined although their windows may differ.
    if (!is_key_of(*join_.left_key, left_) || !is_key_of(*join_.right_key, right_) ||
        !(left_.source->window == right_.source->window))
      return invalid_join(
                 "Implicit repartitioning of windowed sources is not supported. See "
                 "https://github.com/confluentinc/ksql/issues/4385.")
          .at(join_.position);
    return {};
  }

  Status check_foreign() const {
    if (context_.settings.ksqldb_compat && analysis_.joins.size() > 1 &&
        &join_ != &analysis_.joins.front())
      return invalid_join(
                 fmt::format("Invalid join condition: foreign-key table-table joins are not "
                             "supported as part of n-way joins. Got {}.",
                             condition_text(join_)))
          .at(join_.position);
    if (left_.source->window || right_.source->window)
      return invalid_join("Foreign-key table-table joins are not supported on windowed tables.")
          .at(join_.position);
    if (join_.type == JoinType::Full)
      return invalid_join(
                 fmt::format("Invalid join type: full-outer join not supported for foreign-key "
                             "table-table join. Got {}.",
                             join_text(join_, analysis_.sources)))
          .at(join_.position)
          .with_hint("The result has the key of the left table. Use LEFT JOIN or JOIN.");
    if (join_.type == JoinType::Right)
      return invalid_join("RIGHT OUTER JOIN on a foreign key is not supported")
          .at(join_.position)
          .with_hint("The result has the key of the left table. Use LEFT JOIN or JOIN.");
    return {};
  }

  Status check_table_table() const {
    if (!join_.within) return {};
    return invalid_join(
               "A window definition was provided for a Table-Table join. These joins are not "
               "windowed. Please drop the window definition (i.e. the WITHIN clause) and try to "
               "execute your Table-Table join again.")
        .at(join_.position);
  }

  Status check_stream_table() const {
    if (join_.type == JoinType::Full)
      return invalid_join(fmt::format("Invalid join type: full-outer join not supported for "
                                      "stream-table join. Got {}.",
                                      join_text(join_, analysis_.sources)))
          .at(join_.position)
          .with_hint("Only records of the stream create rows. Use LEFT JOIN or JOIN.");
    if (join_.type == JoinType::Right) {
      Error error = invalid_join("a stream cannot be joined to a table with RIGHT JOIN");
      error.ksqldb = "Invalid join type encountered: RIGHT [OUTER] JOIN";
      return std::move(error)
          .at(join_.position)
          .with_hint("Only records of the stream create rows. Use LEFT JOIN or JOIN.");
    }
    if (join_.within)
      return invalid_join(
                 "A window definition was provided for a Stream-Table join. These joins are not "
                 "windowed. Please drop the window definition (ie. the WITHIN clause) and try to "
                 "execute your join again.")
          .at(join_.position);
    if (right_.source->window)
      return Error{ErrorCode::NotSupported, "a join with a windowed table is not supported yet"}.at(
          join_.position);
    return {};
  }

  Status check_stream_stream() const {
    if (join_.within) {
      for (const Duration& each : {join_.within->before, join_.within->after,
                                   join_.within->grace.value_or(join_.within->before)})
        TRY(each.to_ms());
      return {};
    }
    return invalid_join(
               "Stream-Stream joins must have a WITHIN clause specified. None was provided.")
        .at(join_.position)
        .with_hint("Write WITHIN 1 HOUR before ON.");
  }

  const AnalysedJoin& join_;
  const Analysis& analysis_;
  const PlanContext& context_;
  const AnalysedSource &left_, &right_;
  const bool left_is_table_, right_is_table_;
};

}  // namespace

Status check_join(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
                  const PlanContext& context) {
  return JoinCheck(join, analysis, left_is_table, context).run();
}

}  // namespace engine
