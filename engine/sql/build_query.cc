#include "engine/sql/build.h"
#include "engine/sql/grouping_sets.h"
#include "engine/sql/half_clause.h"
#include "engine/sql/records_call.h"
#include "engine/sql/records_source.h"

namespace engine {
namespace {

TextPosition position_of(antlr4::tree::TerminalNode& word) {
  return engine::position_of(*word.getSymbol());
}

std::optional<TextPosition> position_of_clause(antlr4::tree::TerminalNode* first_word) {
  if (!first_word) return std::nullopt;
  return position_of(*first_word);
}

Result<SelectItem> build_select_item(P::SelectItemContext& context) {
  SelectItem item;
  item.position = engine::position_of(context);
  if (context.ASTERISK()) {
    item.kind = SelectItemKind::AllColumns;
    if (context.source) item.source = build_name(*context.source);
    return item;
  }
  P::DereferenceContext* all_fields = as_all_fields(*context.expression());
  const antlr4::ParserRuleContext* alias =
      context.alias ? static_cast<antlr4::ParserRuleContext*>(context.alias) : context.bareAlias();
  if (all_fields && alias)
    return syntax_error_at(*alias->start, "The fields that ->* returns keep their names.");
  item.kind = all_fields ? SelectItemKind::StructFields : SelectItemKind::Expression;
  item.expression = all_fields ? TRY(build_value(*all_fields->value()))
                               : TRY(build_expression(*context.expression()));
  if (context.alias) item.alias = build_name(*context.alias);
  if (context.bareAlias()) item.alias = build_name(*context.bareAlias());
  return item;
}

// Builds a query or VALUES as a shared object, to which all copies of the syntax tree refer.
Result<std::shared_ptr<const Query>> build_rows(P::QueryContext* query,
                                                P::ValueRowsContext* values) {
  return std::make_shared<const Query>(query ? TRY(build_query(*query))
                                             : TRY(build_value_rows(*values)));
}

// Refuses EMIT, CHANGES and FINAL as an alias without AS.
Status check_is_no_clause(const antlr4::Token& alias) {
  const std::string_view hint = half_clause_hint(alias.getText());
  if (hint.empty()) return {};
  return syntax_error_at(alias, std::string(hint));
}

// Returns whether the SELECT around the source ends with EMIT.
bool is_in_emit(const antlr4::tree::ParseTree& source) {
  for (const auto* at = source.parent; at; at = at->parent)
    if (const auto* query = dynamic_cast<const P::QueryContext*>(at)) return query->emit != nullptr;
  return false;
}

Result<AliasedSource> build_records(P::RecordsCallContext& context) {
  FunctionCall call;
  call.name = build_name(*context.function).text;
  if (call.name != kRecordsTable || !is_in_emit(context))
    return syntax_error_at(*context.LPAREN()->getSymbol());
  for (P::ArgumentContext* argument : context.argument())
    call.arguments.push_back(TRY(build_argument(*argument)));
  AliasedSource source;
  if (context.bareAlias()) TRY(check_is_no_clause(*context.bareAlias()->start));
  if (context.alias) source.alias = build_name(*context.alias);
  if (context.bareAlias()) source.alias = build_name(*context.bareAlias());
  source.position = engine::position_of(context);
  return records_source(call, std::move(source));
}

Result<AliasedSource> build_from_source(P::FromSourceContext& context) {
  if (context.aliasedSource()) return build_aliased_source(*context.aliasedSource());
  if (context.recordsCall()) return build_records(*context.recordsCall());
  AliasedSource source;
  if (!context.AS()) TRY(check_is_no_clause(*context.alias->start));
  source.query = TRY(build_rows(context.query(), context.valueRows()));
  source.name = build_name(*context.alias);
  source.columns = build_names(context.columns);
  source.position = engine::position_of(context);
  return source;
}

Result<Within> build_within(P::WithinContext& context) {
  Within within;
  within.before = TRY(build_duration(*context.before));
  within.after = context.after ? TRY(build_duration(*context.after)) : within.before;
  if (context.gracePeriod()) within.grace = TRY(build_duration(*context.gracePeriod()->duration()));
  return within;
}

JoinType join_type(const antlr4::Token* kind) {
  if (is(kind, P::LEFT)) return JoinType::Left;
  if (is(kind, P::RIGHT)) return JoinType::Right;
  if (is(kind, P::FULL)) return JoinType::Full;
  return JoinType::Inner;
}

Result<Join> build_join(P::JoinContext& context) {
  Join join;
  join.type = join_type(context.kind);
  join.source = TRY(build_from_source(*context.fromSource()));
  if (context.within()) join.within = TRY(build_within(*context.within()));
  if (context.expression()) join.on = TRY(build_expression(*context.expression()));
  join.columns = build_names(context.names());
  join.position = engine::position_of(context);
  return join;
}

Result<WindowClause> build_window(P::WindowContext& context) {
  WindowClause window;
  window.type = context.TUMBLING()  ? WindowType::Tumbling
                : context.HOPPING() ? WindowType::Hopping
                                    : WindowType::Session;
  window.size = TRY(build_duration(*context.size));
  if (context.advance) window.advance = TRY(build_duration(*context.advance));
  P::WindowEndContext& end = *context.windowEnd();
  if (end.retention) window.retention = TRY(build_duration(*end.retention));
  if (end.gracePeriod()) window.grace = TRY(build_duration(*end.gracePeriod()->duration()));
  window.position = engine::position_of(context);
  return window;
}

Result<ExpressionList> build_group(P::ExpressionGroupContext& context, std::string_view clause) {
  const std::vector<P::ValueContext*> values = context.value();
  if (values.empty())
    return Error{ErrorCode::InvalidStatement,
                 std::string(clause) + " requires at least one expression"}
        .at(engine::position_of(context));
  if (auto* tuple = dynamic_cast<P::ParenthesizedContext*>(values[0]); tuple && values.size() == 1)
    return build_expressions(tuple->expression());
  ExpressionList list;
  for (P::ValueContext* value : values) list.push_back(TRY(build_value(*value)));
  return list;
}

Result<OrderItem> build_order_item(P::OrderItemContext& context) {
  OrderItem item{TRY(build_expression(*context.expression()))};
  item.descending = is(context.direction, P::DESC);
  if (context.nulls)
    item.nulls = is(context.nulls, P::FIRST) ? NullsOrder::First : NullsOrder::Last;
  return item;
}

// Returns null for ALL.
Result<ExpressionPtr> build_row_count(P::RowCountContext& context) {
  const TextPosition position = engine::position_of(context);
  if (context.ALL()) return ExpressionPtr();
  if (context.PARAMETER())
    return make_expression(Parameter{std::stoi(context.start->getText().substr(1, 5))}, position);
  P::NumberContext& number = *context.number();
  if (!number.INTEGER_VALUE())
    return Error{.code = ErrorCode::SyntaxError,
                 .message = "Value must be integer for command: LIMIT",
                 .position = position,
                 .ksqldb = "Failed to prepare statement: Value must be integer for command: LIMIT"};
  return build_number(*number.stop, number.MINUS() ? "-" : "", position);
}

Emit emit_of(const antlr4::Token* word) {
  if (is(word, P::CHANGES)) return Emit::Changes;
  return is(word, P::FINAL) ? Emit::Final : Emit::None;
}

void note_positions(P::QueryBodyContext& context, ClausePositions& positions) {
  positions.window = position_of_clause(context.WINDOW());
  positions.where = position_of_clause(context.WHERE());
  positions.group_by = position_of_clause(context.GROUP());
  positions.partition_by = position_of_clause(context.PARTITION());
  positions.having = position_of_clause(context.HAVING());
}

void note_positions(P::QueryContext& context, ClausePositions& positions) {
  positions.order_by = position_of_clause(context.ORDER());
  positions.emit = position_of_clause(context.EMIT());
  positions.limit = position_of_clause(context.LIMIT());
}

// Builds a SELECT up to HAVING.
Result<Query> build_body(P::QueryBodyContext& context) {
  Query query;
  query.position = engine::position_of(context);
  note_positions(context, query.positions);
  query.distinct = context.DISTINCT() != nullptr;
  for (P::SelectItemContext* item : context.selectItem())
    query.items.push_back(TRY(build_select_item(*item)));
  if (context.fromSource()) query.from = TRY(build_from_source(*context.fromSource()));
  bool has_comma = false;
  for (P::JoinContext* join : context.join()) {
    query.joins.push_back(TRY(build_join(*join)));
    has_comma = has_comma || join->COMMA() != nullptr;
    // A comma binds less tightly than JOIN. With the following kinds of joins this would change the
    // result, so PostgreSQL's parser handles them.
    const Join& made = query.joins.back();
    if (has_comma &&
        (made.type == JoinType::Right || made.type == JoinType::Full || !made.columns.empty()))
      return Error{ErrorCode::NotSupported,
                   "RIGHT JOIN, FULL JOIN and USING after a comma are not supported yet here"}
          .at(made.position);
  }
  if (context.window()) query.window = TRY(build_window(*context.window()));
  if (context.where) query.where = TRY(build_expression(*context.where));
  if (context.groupBy) query.group_by = TRY(build_group(*context.groupBy, "GROUP BY"));
  TRY(write_grouping_sets_out(query));
  if (context.partitionBy)
    query.partition_by = TRY(build_group(*context.partitionBy, "PARTITION BY"));
  if (context.having) query.having = TRY(build_expression(*context.having));
  return query;
}

SetOperator set_operator(const antlr4::Token* op) {
  if (is(op, P::INTERSECT)) return SetOperator::Intersect;
  return is(op, P::EXCEPT) ? SetOperator::Except : SetOperator::Union;
}

void combine(Query& left, P::MoreRowsContext& more, Query right) {
  Query both;
  both.position = left.position;
  both.combined = SetOperation{
      set_operator(more.op), more.ALL() != nullptr, std::make_shared<const Query>(std::move(left)),
      std::make_shared<const Query>(std::move(right)), engine::position_of(*more.op)};
  left = std::move(both);
}

// Builds a chain of SELECTs with UNION, INTERSECT and EXCEPT. INTERSECT binds more tightly than
// UNION and EXCEPT, which associate to the left.
Result<Query> build_bodies(P::QueryContext& context) {
  // Each query is nested in the next one, so their number is limited.
  constexpr size_t kMaxCombined = 255;
  if (context.moreRows().size() > kMaxCombined)
    return Error{ErrorCode::LimitExceeded,
                 "UNION, INTERSECT and EXCEPT can combine at most 256 queries"}
        .at(engine::position_of(*context.moreRows(kMaxCombined)));
  Query whole = TRY(build_body(*context.queryBody()));
  std::optional<std::pair<P::MoreRowsContext*, Query>> next;  // the query to combine with
  for (P::MoreRowsContext* more : context.moreRows()) {
    Query rows = TRY(more->query() ? build_query(*more->query()) : build_body(*more->queryBody()));
    if (is(more->op, P::INTERSECT)) {
      combine(next ? next->second : whole, *more, std::move(rows));
      continue;
    }
    if (next) combine(whole, *next->first, std::move(next->second));
    next.emplace(more, std::move(rows));
  }
  if (next) combine(whole, *next->first, std::move(next->second));
  return whole;
}

}  // namespace

TimeUnit build_time_unit(P::TimeUnitContext& context) {
  switch (context.start->getType()) {
    case P::MILLISECOND:
    case P::MILLISECONDS:
      return TimeUnit::Milliseconds;
    case P::SECOND:
    case P::SECONDS:
      return TimeUnit::Seconds;
    case P::MINUTE:
    case P::MINUTES:
      return TimeUnit::Minutes;
    case P::HOUR:
    case P::HOURS:
      return TimeUnit::Hours;
    case P::DAY:
    case P::DAYS:
      return TimeUnit::Days;
    case P::WEEK:
    case P::WEEKS:
      return TimeUnit::Weeks;
    case P::MONTH:
    case P::MONTHS:
      return TimeUnit::Months;
    default:
      return TimeUnit::Years;
  }
}

Result<Duration> build_duration(P::DurationContext& context) {
  const int64_t count = TRY(build_integer(*context.start));
  const Duration duration{count, build_time_unit(*context.timeUnit())};
  if (const auto ms = duration.to_ms(); !ms) return Error(ms.error()).at(position_of(context));
  return duration;
}

Result<AliasedSource> build_aliased_source(P::AliasedSourceContext& context) {
  AliasedSource source;
  if (context.bareAlias()) TRY(check_is_no_clause(*context.bareAlias()->start));
  if (context.schema) source.schema = build_name(*context.schema);
  source.name = build_name(*context.name);
  if (context.alias) source.alias = build_name(*context.alias);
  if (context.bareAlias()) source.alias = build_name(*context.bareAlias());
  // FROM ONLY t is PostgreSQL's syntax. Here it would be a relation named ONLY.
  if (context.bareAlias() && !context.schema && source.name.quoting == Quoting::None &&
      source.name == "ONLY")
    return syntax_error_at(*context.name->start);
  source.position = engine::position_of(context);
  return source;
}

Result<Query> build_value_rows(P::ValueRowsContext& context) {
  Query query;
  query.position = engine::position_of(context);
  for (P::RowContext* row : context.row())
    query.values.push_back(TRY(build_expressions(row->expression())));
  return query;
}

Result<Query> build_query(P::QueryContext& context) {
  Query query = TRY(build_bodies(context));
  note_positions(context, query.positions);
  if (P::WithClauseContext* with = context.withClause())
    for (P::CommonTableContext* table : with->commonTable())
      query.with.push_back({build_name(*table->name), build_names(table->columns),
                            TRY(build_rows(table->query(), table->valueRows())),
                            engine::position_of(*table), with->RECURSIVE() != nullptr});
  for (P::OrderItemContext* item : context.orderItem())
    query.order_by.push_back(TRY(build_order_item(*item)));
  query.emit = emit_of(context.emit);
  if (context.limit) query.limit = TRY(build_row_count(*context.limit));
  if (context.offset) query.offset = TRY(build_row_count(*context.offset));
  return query;
}

}  // namespace engine
