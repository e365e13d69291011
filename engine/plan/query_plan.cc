#include "engine/plan/query_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/suggest.h"
#include "base/view_topic.h"
#include "engine/catalog/system_sources.h"
#include "engine/catalog/visible_names.h"
#include "engine/formats/format.h"
#include "engine/functions/session_zone.h"
#include "engine/plan/create_source.h"
#include "engine/plan/event_times.h"
#include "engine/plan/op_column.h"
#include "engine/plan/replace_source.h"
#include "engine/plan/select_plan.h"
#include "engine/plan/sink_topic.h"
#include "engine/plan/source_formats.h"
#include "engine/plan/source_properties.h"
#include "engine/plan/stage_builder.h"
#include "engine/plan/topic_name.h"
#include "engine/plan/view_target.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/coercion.h"
#include "engine/types/smallint_range.h"

namespace engine {

namespace {

Error invalid_query(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

std::vector<std::string> names_of(const std::vector<AnalysedSource>& sources) {
  std::vector<std::string> names;
  for (const AnalysedSource& source : sources)
    if (std::ranges::find(names, source.source->name) == names.end())
      names.push_back(source.source->name);
  return names;
}

// Returns the default formats of a sink: the formats of the first source, unless they do not fit the new key.
SourceFormats inherited_formats(const DataSource& source, bool has_keys,
                                const EngineSettings& settings) {
  SourceFormats formats{source.key_format, source.value_format};
  if (!has_keys)
    formats.key = FormatSpec{"NONE"};
  else if (formats.key.name == "NONE")
    formats.key = FormatSpec{settings.default_key_format};
  return formats;
}

Result<SourceFormats> sink_formats(const SourceProperties& with, const DataSource& source,
                                   std::string_view sink, bool has_keys,
                                   const EngineSettings& settings) {
  SourceFormats formats =
      TRY(choose_formats(with, inherited_formats(source, has_keys, settings), sink));
  if (!has_keys && with.key.format && *with.key.format != "NONE" && !with.value.format)
    return invalid_query("Key format specified for stream without key columns.");
  return formats;
}

// Chooses the key format when the planner knows the key columns.
class KeyFormat {
 public:
  KeyFormat(const SourceProperties& with, const DataSource& source, std::string_view sink,
            const EngineSettings& settings)
      : with_(with), source_(source), sink_(sink), settings_(settings) {}
  Result<FormatSpec> operator()(const std::vector<ColumnDef>& keys) const {
    const SourceFormats formats =
        TRY(sink_formats(with_, source_, sink_, !keys.empty(), settings_));
    TRY(validate_no_maps_in_key(keys));
    TRY(validate_key_schema(formats.key, keys));
    return formats.key;
  }

 private:
  const SourceProperties& with_;
  const DataSource& source_;
  const std::string_view sink_;
  const EngineSettings& settings_;
};

OutputPlan output_of(const DataSource& sink, const PlannedSelect& select) {
  OutputPlan output;
  output.topic = sink.topic;
  output.schema = select.schema;
  output.key_format = sink.key_format;
  output.value_format = sink.value_format;
  output.window = select.window;
  output.is_table = select.is_table;
  output.key_is_made = select.key_is_made;
  if (sink.timestamp) {
    output.timestamp_column = select.schema.index_of(sink.timestamp->column);
    output.timestamp_format = sink.timestamp->format;
  }
  return output;
}

QueryPlan assemble(std::string id, QueryKind kind, std::vector<std::string> sources,
                   PlannedSelect& select, OutputPlan output, const Properties& properties) {
  QueryPlan plan;
  plan.id = std::move(id);
  plan.kind = kind;
  plan.sources = std::move(sources);
  plan.stages = std::move(select.stages);
  plan.stages.back().output = std::move(output);
  plan.exchanges = std::move(select.exchanges);
  plan.properties = without_session_forms(properties);
  if (select.is_table) plan.materialization = std::move(select.materialization);
  return plan;
}

// Adds a notice for each literal date pattern in the expression that probably means something else.
void add_pattern_notices(const Expression& expression, std::vector<std::string>& notices) {
  constexpr std::string_view kWithPattern[] = {
      "TIMESTAMPTOSTRING", "STRINGTOTIMESTAMP", "FORMAT_TIMESTAMP", "PARSE_TIMESTAMP",
      "DATETOSTRING",      "STRINGTODATE",      "FORMAT_DATE",      "PARSE_DATE"};
  const auto* call = expression.as<FunctionCall>();
  if (call && call->arguments.size() > 1 &&
      std::ranges::count(kWithPattern, std::string_view(call->name)) > 0)
    if (const auto* pattern = call->arguments[1]->as<StringLiteral>())
      if (auto notice = unusual_letters(pattern->value); notice)
        if (std::ranges::find(notices, *notice) == notices.end())
          notices.push_back(*std::move(notice));
  for (const Expression* child : children(expression)) add_pattern_notices(*child, notices);
}

// Checks that the SELECT of a CREATE produces a relation of the wanted kind. `source` is its first source.
Status check_result_kind(const CreateAsSelect& create, bool is_table, const std::string& source) {
  if (is_table == (create.kind == SourceKind::Table)) return {};
  if (is_table)
    return invalid_query(
               "Invalid result type. Your SELECT query produces a TABLE. Please use CREATE TABLE "
               "AS SELECT statement instead.")
        .at(create.query.position);
  return invalid_query(
             "Invalid result type. Your SELECT query produces a STREAM. Please use CREATE STREAM "
             "AS SELECT statement instead.")
      .at(create.query.position)
      .with_hint(fmt::format("CREATE STREAM {0} AS SELECT ... has every record. A table has one "
                             "row for each key, so its SELECT has an aggregate and GROUP BY: "
                             "CREATE TABLE {0} AS SELECT k, LATEST_BY_OFFSET(a) AS a FROM {1} "
                             "GROUP BY k.",
                             display_name(create.name.text), display_name(source)));
}

Status check_ungrouped_aggregates(const Analysis& analysis) {
  if (!analysis.has_aggregates || !analysis.group_by.empty()) return {};
  std::vector<const FunctionCall*> calls;
  for (const AnalysedItem& item : analysis.items) TRY(find_aggregates(*item.expression, calls));
  std::vector<std::string> texts;
  for (const FunctionCall* call : calls) {
    ExpressionList arguments = clone(call->arguments);
    // ksqlDB treats COUNT(*) as COUNT(ROWTIME).
    if (call->star)
      arguments.push_back(make_expression(ColumnRef{{}, Name{std::string(kRowTime)}}));
    texts.push_back(to_sql(
        Expression{FunctionCall{call->name, std::move(arguments), false, call->distinct}, {}}));
  }
  return Error{ErrorCode::GroupingError,
               fmt::format("CREATE TABLE AS SELECT statement does not support aggregate function "
                           "[{}] without a GROUP BY clause.",
                           fmt::join(texts, ", "))}
      .with_hint(
          "A table has a row for each key. SELECT 'all' AS k, COUNT(*) FROM s GROUP BY 'all' has "
          "one row.");
}

Status check_not_of_view(const TopicDescription& topic) {
  if (!topic.config.contains(std::string(kViewTopicSetting))) return {};
  return Error{ErrorCode::WrongObjectType,
               fmt::format("topic \"{}\" belongs to a materialized view", topic.name),
               "Only the query of the view writes to it.",
               "Choose another topic, with KAFKA_TOPIC in the WITH clause."};
}

Result<TopicDescription> sink_topic(const DataSource& sink, const SourceProperties& with,
                                    const PlanContext& context, int source_partitions,
                                    std::optional<TopicDescription>& created) {
  TRY(check_writable(sink.topic));
  if (const auto found = context.topics.find(sink.topic)) {
    TRY(check_not_of_view(*found));
    if (with.partitions && *with.partitions != found->partitions)
      return other_partitions(*found, *with.partitions);
    return *found;
  }
  TopicDescription topic;
  topic.name = sink.topic;
  topic.partitions = with.partitions.value_or(source_partitions);
  topic.replicas = with.replicas.value_or(1);
  topic.config = topic_config(sink.kind, sink.window.has_value(), with.retention_ms);
  created = topic;
  return topic;
}

// Fails if the column that TIMESTAMP names is not selected. Its type is checked later.
Status check_selects_timestamp(const SourceProperties& with, const Analysis& analysis) {
  if (!with.timestamp_column) return {};
  const bool may_be_there = std::ranges::any_of(analysis.items, [&](const AnalysedItem& item) {
    return item.name == *with.timestamp_column || item.name == "*";
  });
  if (may_be_there) return {};
  return find_timestamp_column(with, Schema{}).error();
}

// Returns the query's id. A query that replaces another keeps the old id, unless it is built while the old query runs.
std::string query_id_for(const CreateAsSelect& create, const PlanContext& context,
                         const DataSource* replaced, bool rebuilds) {
  if (!rebuilds && replaced && context.catalog.find_query(replaced->created_by))
    return replaced->created_by;
  return fmt::format("{}_{}_{}", create.kind == SourceKind::Stream ? "CSAS" : "CTAS",
                     create.name.text, context.catalog.next_query_number);
}

// Returns whether rows of the stream or table `name` reach one of the sources, directly or through
// other queries.
bool comes_from(std::vector<std::string> sources, const std::string& name, const Catalog& catalog) {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == name) return true;
    for (const std::string& writer : catalog.writers_of(sources[i]))
      for (const std::string& source : catalog.find_query(writer)->sources)
        if (std::ranges::find(sources, source) == sources.end()) sources.push_back(source);
  }
  return false;
}

Status check_rebuild(const CreateAsSelect& create, const std::vector<std::string>& sources,
                     const Catalog& catalog) {
  const Property& property = *find_property(create.properties, "REBUILD");
  if (!create.or_replace)
    return invalid_query("REBUILD requires CREATE OR REPLACE")
        .at(property.position)
        .with_hint("A new query reads its sources from the beginning anyway.");
  if (create.kind == SourceKind::Stream)
    return Error{ErrorCode::NotSupported, "a stream cannot be rebuilt",
                 "The records of the old definition would stay in its topic, followed by all "
                 "records of the new one."}
        .at(property.position)
        .with_hint("Create a stream with another name and another topic.");
  if (comes_from(sources, create.name.text, catalog))
    return invalid_query(fmt::format("{} cannot be rebuilt from itself", create.name.text))
        .at(create.name_position);
  return {};
}

// Fails if other queries write to the sink, too. The replaced query would have to continue after
// its own last row, and the rows of the other queries would be mixed with the new ones.
Status check_only_writer(const DataSource& sink, const PlanContext& context) {
  TRY(check_not_rebuilt(sink, context.catalog));
  const std::vector<std::string> writers = context.catalog.writers_of(sink.name);
  if (std::ranges::all_of(writers, [&](const auto& id) { return id == sink.created_by; }))
    return {};
  return invalid_query(
      fmt::format("REPLACE for sink {} is not supported because there are multiple queries writing "
                  "into it: [{}]",
                  sink.name, fmt::join(writers, ", ")));
}

}  // namespace

Result<PlannedQuery> plan_create_as(const CreateAsSelect& create, const ParsedStatement& statement,
                                    const PlanContext& context) {
  if (create.is_temporary)
    return Error{ErrorCode::NotSupported, "CREATE TEMP TABLE ... AS is not supported here",
                 "It runs its SELECT once, in the session of a PostgreSQL client.",
                 "CREATE TABLE ... AS defines a continuous query."}
        .at(create.name_position);
  const EngineSettings settings = effective_settings(context.settings, context.properties);
  const SourceProperties with =
      TRY(read_source_properties(create.properties, WithClauseOf::CreateAsSelect));
  const DataSource* existing = context.catalog.find_source(create.name.text);
  if (existing && create.if_not_exists) {
    PlannedQuery kept;
    kept.if_not_exists_hit = true;
    return kept;
  }
  if (existing && (!create.or_replace || existing->kind != create.kind))
    return Error{ErrorCode::DuplicateSource,
                 fmt::format("Cannot add {} '{}': A {} with the same name already exists",
                             kind_word(create.kind), create.name.text, kind_word(existing->kind))}
        .at(create.name_position)
        .with_hint("Use CREATE OR REPLACE to change it, or IF NOT EXISTS to keep it.");
  if (!existing) TRY(check_name_size(create.name.text, create.name_position));
  if (existing && existing->read_only)
    return invalid_query(
               fmt::format("Cannot add {0} '{1}': CREATE OR REPLACE is not supported on source "
                           "{0}s.",
                           kind_word(create.kind), create.name.text))
        .at(create.name_position);
  if (existing) TRY(check_only_writer(*existing, context));

  if (create.query.limit)
    return invalid_query(fmt::format("CREATE {} AS SELECT statements don't support LIMIT clause.",
                                     create.kind == SourceKind::Stream ? "STREAM" : "TABLE"))
        .at(create.query.positions.limit.value_or(create.query.position))
        .with_hint("The SELECT that reads the result takes ORDER BY and LIMIT.");
  Analysis analysis = TRY(analyse(create.query, context, QueryUse::Persistent));
  TRY(check_ungrouped_aggregates(analysis));
  TRY(check_selects_timestamp(with, analysis));
  const DataSource& first = *analysis.sources.front().source;
  const std::vector<std::string> sources = names_of(analysis.sources);
  if (with.rebuild) TRY(check_rebuild(create, sources, context.catalog));
  const bool rebuilds =
      with.rebuild && existing && context.catalog.find_query(existing->created_by);
  const std::string id = query_id_for(create, context, existing, rebuilds);
  const KeyFormat key_format(with, first, create.name.text, settings);
  std::vector<std::string> pattern_notices;
  if (!settings.ksqldb_compat)
    for (const AnalysedItem& item : analysis.items)
      add_pattern_notices(*item.expression, pattern_notices);
  // The kind of the result is checked before its key: the remedy for a TABLE without an aggregate is another statement,
  // not another column.
  const bool makes_stream = first.kind == SourceKind::Stream && !analysis.has_aggregates;
  if (makes_stream && !settings.ksqldb_compat) TRY(check_result_kind(create, false, first.name));
  PlannedSelect select = TRY(plan_select(
      std::move(analysis), {QueryUse::Persistent, id, create.name.text}, context, key_format));
  TRY(check_result_kind(create, select.is_table, first.name));

  auto sink = std::make_shared<DataSource>();
  sink->name = create.name.text;
  sink->kind = create.kind;
  sink->schema = select.schema;
  sink->sql = statement.text;
  sink->created_by = id;
  sink->window = select.window;
  TRY(check_timestamp_format(with, settings));
  sink->timestamp = TRY(find_timestamp_column(with, select.schema));
  const SourceFormats chosen =
      TRY(sink_formats(with, first, create.name.text, select.schema.key_count() > 0, settings));
  const SourceFormats fitted = TRY(fit_formats(chosen, select.schema, context.properties));
  sink->topic = with.topic.value_or(default_topic_name(create.name.text, settings));
  TRY(check_topic_of_sink(with, create.properties, context.topics, settings));
  TRY(check_no_cycle(id, sources, sink->topic, context, create.name_position));

  PlannedQuery planned;
  sink->partitions =
      TRY(sink_topic(*sink, with, context, first.partitions, planned.new_topic)).partitions;
  sink->key_format = fitted.key;
  sink->value_format = fitted.value;
  planned.notices = TRY(check_shared_topic(*sink, context, create.name_position));
  if (planned.notices.empty() && !planned.new_topic && !existing && !settings.ksqldb_compat)
    planned.notices.push_back(notice_of_kept_topic(*sink));
  std::ranges::move(pattern_notices, std::back_inserter(planned.notices));
  const SourceFormats formats = TRY(register_schemas(fitted, select.schema, sink->topic,
                                                     context.registrar, Registrar::Write::Sink));
  sink->key_format = formats.key;
  sink->value_format = formats.value;
  if (existing) TRY(check_replaceable(*existing, *sink));
  planned.result = select.schema;
  planned.plan = assemble(id, QueryKind::CreateAs, sources, select, output_of(*sink, select),
                          context.properties);
  planned.sink = std::move(sink);
  if (rebuilds) planned.rebuilds = existing->created_by;
  return planned;
}

namespace {

// Returns whether INSERT INTO ... SELECT accepts the type. It accepts types that lose nothing, and whole numbers for
// any DECIMAL, as ksqlDB does: a value with too many digits is reported with its record.
bool is_insertable(const SqlType& from, const SqlType& to) {
  if (is_implicitly_castable(from, to)) return true;
  const bool is_whole = from.kind() == TypeKind::Integer || from.kind() == TypeKind::Bigint;
  if (is_whole) return to.kind() == TypeKind::Decimal;
  if (from.kind() != to.kind()) return false;
  switch (from.kind()) {
    case TypeKind::Array:
      return is_insertable(from.element(), to.element());
    case TypeKind::Map:
      return from.key() == to.key() && is_insertable(from.value(), to.value());
    case TypeKind::Struct:
      return std::ranges::all_of(from.fields(), [&](const Field& field) {
        const int at = to.field_index(field.name);
        return at >= 0 && is_insertable(field.type, to.fields()[static_cast<size_t>(at)].type);
      });
    default:
      return false;
  }
}

Result<BoundExpression> fit_to_sink(BoundExpression value, const SqlType& type) {
  // A cast checks the range of smallint, to which INTEGER is implicitly castable because both have the same kind.
  const bool is_implicit = is_implicitly_castable(value.type, type) && !holds_smallint(type);
  return is_implicit ? coerce(std::move(value), type) : cast(std::move(value), type);
}

// Fails if the SELECT reads no stream or table, such as INSERT INTO s SELECT ... FROM generate_series(1, 3). A stream
// gets rows from a continuous query only if the query has a source.
Status check_reads_source(const InsertSelect& insert, const DataSource& sink) {
  const Query& query = insert.query;
  const bool is_function = query.from && query.from->query && !query.from->query->from;
  if ((query.from || !query.values.empty()) && !is_function) return {};
  const std::string name = display_name(sink.name);
  return Error{ErrorCode::NotSupported,
               fmt::format("INSERT INTO {} SELECT reads no stream or table", name),
               "INSERT INTO a stream with a SELECT is a continuous query, which reads the records "
               "of its source.",
               fmt::format("INSERT INTO {} VALUES (1, ...), (2, ...) writes rows. A stream WITH "
                           "(GENERATOR = 'datagen', NUMBER_OF_ROWS = 100) generates its rows. A "
                           "CREATE TABLE without WITH takes this INSERT.",
                           name)}
      .at(insert.query.position);
}

}  // namespace

Result<PlannedQuery> plan_insert_select(const InsertSelect& insert, const ParsedStatement&,
                                        const PlanContext& context) {
  const SourceProperties with =
      TRY(read_source_properties(insert.properties, WithClauseOf::InsertSelect));
  const std::string name = without_public(insert.target).text;
  const auto found = context.catalog.sources().find(name);
  if (found == context.catalog.sources().end()) {
    if (auto refused =
            refuse_view(insert.target, insert.target_position, ViewChange::Insert, context.catalog))
      return *std::move(refused);
    Error error{ErrorCode::UndefinedSource,
                fmt::format("relation \"{}\" does not exist", display_name(name))};
    error.ksqldb = fmt::format("Source `{}` does not exist.", name);
    return std::move(error)
        .at(insert.target_position)
        .with_hint(did_you_mean(
            name, visible_sources(context.catalog, SourceKind::Stream),
            "SHOW STREAMS lists the streams. CREATE STREAM name AS SELECT makes one."));
  }
  const std::shared_ptr<const DataSource>& sink = found->second;
  if (sink->kind != SourceKind::Stream)
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("INSERT INTO can only be used to insert into a stream. {} is a table.",
                             sink->name)}
        .with_hint("CREATE TABLE name AS SELECT ... makes a table from this SELECT.")
        .at(insert.target_position);
  if (sink->read_only)
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("Cannot insert into read-only stream: {}", sink->name)}
        .at(insert.target_position);
  TRY(check_writable(sink->topic));
  if (const auto topic = context.topics.find(sink->topic)) TRY(check_not_of_view(*topic));
  for (const ColumnDef& column : sink->schema.columns)
    if (column.role == ColumnRole::Headers)
      return invalid_query(
          fmt::format("Cannot insert into {} because it has header columns", sink->name));

  TRY(check_reads_source(insert, *sink));
  Analysis analysis = TRY(analyse(insert.query, context, QueryUse::Persistent));
  const std::vector<std::string> sources = names_of(analysis.sources);
  const std::string id =
      with.query_id.value_or(fmt::format("INSERTQUERY_{}", context.catalog.next_query_number));
  if (context.catalog.find_query(id))
    return Error{ErrorCode::DuplicateObject, fmt::format("Query ID '{}' already exists.", id)};
  const auto key_format = [&](const std::vector<ColumnDef>&) -> Result<FormatSpec> {
    return sink->key_format;
  };
  TRY(check_has_schemas(*sink));
  PlannedSelect select = TRY(plan_select(
      std::move(analysis), {QueryUse::Persistent, id, sink->name}, context, key_format));
  if (select.is_table)
    return invalid_query(
               "INSERT INTO can only be used to insert into a stream. The query produces a TABLE.")
        .with_hint(
            "CREATE TABLE name AS SELECT ... keeps the result of this SELECT. A stream on the "
            "topic "
            "of a table has the changes of the table: CREATE STREAM s (id INT KEY, ...) WITH "
            "(KAFKA_TOPIC = '...', VALUE_FORMAT = 'JSON').");

  auto& project = std::get<ProjectStep>(select.stages.back().nodes.back().step);
  bool fits = select.schema.columns.size() == sink->schema.columns.size();
  for (size_t i = 0; fits && i < select.schema.columns.size(); ++i) {
    const ColumnDef& target = sink->schema.columns[i];
    fits = is_insertable(select.schema.columns[i].type, target.type) &&
           select.schema.columns[i].name == target.name &&
           select.schema.columns[i].role == target.role;
    if (!fits) break;
    Result<BoundExpression> coerced = fit_to_sink(project.columns[i], target.type);
    fits = coerced.has_value();
    if (fits) project.columns[i] = std::move(coerced).take();
  }
  if (!fits)
    return Error{
        ErrorCode::TypeMismatch,
        fmt::format(
            "Incompatible schema between results and sink.\nResult schema is {}\nSink schema is {}",
            select.schema.to_string(), sink->schema.to_string())};
  select.schema = sink->schema;
  TRY(check_no_cycle(id, sources, sink->topic, context, insert.target_position));

  PlannedQuery planned;
  planned.sink = sink;
  planned.result = sink->schema;
  planned.plan = assemble(id, QueryKind::InsertInto, sources, select, output_of(*sink, select),
                          context.properties);
  return planned;
}

Result<PlannedQuery> plan_push_query(const Query& written, const PlanContext& context) {
  const std::optional<Query> marked = with_marked_ops(written, context);
  const Query& query = marked ? *marked : written;
  Analysis analysis = TRY(analyse(query, context, QueryUse::Push));
  if (query.emit == Emit::None) TRY(check_no_aggregates(analysis));
  const std::vector<std::string> sources = names_of(analysis.sources);
  const std::optional<int64_t> limit = analysis.limit;
  if (limit && *limit < 0)
    return Error{ErrorCode::NegativeLimit, "LIMIT must not be negative"}.at(
        query.positions.limit.value_or(query.position));
  // The state of a push query is private, so its key format need not be chosen: JSON can encode any key.
  const auto key_format = [](const std::vector<ColumnDef>&) -> Result<FormatSpec> {
    return FormatSpec{"JSON"};
  };
  PlannedSelect select = TRY(plan_select(
      std::move(analysis), {QueryUse::Push, "transient", "the result"}, context, key_format));
  PlannedQuery planned;
  planned.result = select.schema;
  planned.limit = limit;
  OutputPlan output;
  output.schema = select.schema;
  output.is_table = select.is_table;
  planned.plan = assemble("transient_" + sources.front(), QueryKind::CreateAs, sources, select,
                          std::move(output), context.properties);
  if (marked) add_op_columns(planned);
  return planned;
}

Result<PlannedQuery> plan_source_table(const DataSource& table, std::string query_id) {
  InputStep input = read_topic(table);
  input.store = 0;

  PlanNode node{std::move(input), {}, input_layout(table, "")};
  std::vector<bool> used(node.layout.size(), false);
  MaterializationPlan materialization;
  for (uint32_t i = 0; i < node.layout.size(); ++i) {
    const bool is_kept = node.layout[i].name != kRowPartition && node.layout[i].name != kRowOffset;
    materialization.columns.push_back(is_kept ? column_expression(node.layout[i].type, i)
                                              : literal_expression(node.layout[i].type, Value()));
    used[i] = i < table.schema.columns.size();
  }
  std::get<InputStep>(node.step).used = std::move(used);
  materialization.key_schema.columns = table.schema.keys();
  materialization.key_format = identity_format(table.key_format);
  materialization.is_windowed = table.window.has_value();
  StagePlan stage;
  stage.stores.push_back({StoreKind::Rows, "Materialized", 0});
  stage.nodes.push_back(std::move(node));

  PlannedQuery planned;
  planned.plan.id = std::move(query_id);
  planned.plan.kind = QueryKind::SourceTable;
  planned.plan.sources = {table.name};
  planned.plan.stages.push_back(std::move(stage));
  planned.plan.materialization = std::move(materialization);
  planned.result = table.schema;
  return planned;
}

}  // namespace engine
