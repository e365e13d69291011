#include "server/sql/planner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/view_topic.h"
#include "engine/expr/assigned.h"
#include "engine/expr/labels.h"
#include "engine/expr/null_failures.h"
#include "engine/functions/kernel.h"
#include "engine/plan/alter_columns.h"
#include "engine/plan/insert_values.h"
#include "engine/plan/print_plan.h"
#include "engine/plan/source_schema.h"
#include "engine/query/column_origins.h"
#include "engine/query/empty_rows.h"
#include "engine/query/view_query.h"
#include "engine/system_tables/explain_select.h"
#include "engine/system_tables/information.h"
#include "engine/system_tables/system_catalog.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_numbers.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"
#include "server/metadata/name_hints.h"
#include "server/metadata/plan_definition.h"
#include "server/sql/connectors/connector_rows.h"
#include "server/sql/folded_names.h"
#include "server/sql/links/link_rows.h"
#include "server/sql/serial/sequence_rows.h"
#include "server/sql/serial/session_sequences.h"
#include "server/sql/sleep.h"
#include "server/sql/topics/reset_plan.h"
#include "server/sql/write/explained_write.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

using Action = SqlPrepared::Action;

// Passing a statement to another thread and back costs more than to parse and plan a text up to
// this size.
constexpr size_t kMaxTextOnLoop = 4 * 1024;

// Returns the role of the column as clients see it. The bounds of the window are part of a windowed
// key.
std::string role_of(const engine::ColumnDef& column) {
  if (column.name == engine::kWindowStart || column.name == engine::kWindowEnd) return "KEY";
  if (column.role == engine::ColumnRole::Key) return "KEY";
  if (column.role != engine::ColumnRole::Headers) return {};
  return column.header_key.empty() ? "HEADERS" : fmt::format("HEADER('{}')", column.header_key);
}

// Whether the statement is an ALTER TABLE that rewrites the rows of a table.
bool copies_rows(const engine::Statement& statement, const engine::Catalog& catalog) {
  if (const auto* add = std::get_if<engine::AddPrimaryKey>(&statement))
    return !add->if_exists || catalog.find_source(add->table.name.text);
  const auto* alter = std::get_if<engine::AlterColumns>(&statement);
  if (!alter) return false;
  const engine::DataSource* table = catalog.find_source(alter->table.name.text);
  return table ? !engine::changes_nothing(*alter, *table) : !alter->if_exists;
}

bool calls_function(const engine::Expression& expression) {
  return expression.is<engine::FunctionCall>() ||
         std::ranges::any_of(engine::children(expression), [](const engine::Expression* child) {
           return calls_function(*child);
         });
}

// Whether planning the statement calls functions. A query whose functions run in a task calls none
// while it is planned.
bool computes_functions(const engine::Statement& statement) {
  const auto calls = [](const engine::ExpressionPtr& expression) {
    return expression && calls_function(*expression);
  };
  if (const auto* query = std::get_if<engine::Query>(&statement))
    return query->emit == engine::Emit::None &&
           (calls(query->where) ||
            std::ranges::any_of(query->items, calls, &engine::SelectItem::expression));
  if (const auto* insert = std::get_if<engine::InsertValues>(&statement))
    return std::ranges::any_of(insert->rows, [&](const engine::ExpressionList& row) {
      return std::ranges::any_of(row, calls);
    });
  return false;
}

// Sets the numbers (OIDs) of tables and columns in pg_catalog for result columns, so that clients
// find the columns in the catalog, and marks the columns that are part of a table's key. The column
// positions of each table are computed once, since a wide table may have many columns in the
// result.
class Origins {
 public:
  void tell(sql::ResultColumn& column, const engine::ColumnOrigin& origin) {
    if (!origin.table) return;
    if (column.role.empty() && is_key(*origin.table, origin.column)) column.role = "KEY";
    const Table& table = table_of(*origin.table);
    const auto place = table.places.find(origin.column);
    if (place == table.places.end()) return;
    column.table_oid = table.oid;
    column.table_column = place->second;
  }

 private:
  struct Table {
    uint32_t oid = 0;
    std::map<std::string, int16_t, std::less<>> places;
  };
  static bool is_key(const engine::DataSource& source, std::string_view name) {
    const auto& columns = source.schema.columns;
    const auto column = std::ranges::find(columns, name, &engine::ColumnDef::name);
    return column != columns.end() && column->role == engine::ColumnRole::Key;
  }
  const Table& table_of(const engine::DataSource& source) {
    const auto [found, is_new] = tables_.try_emplace(&source);
    if (!is_new) return found->second;
    found->second.oid =
        static_cast<uint32_t>(engine::object_number(engine::kRelationNumbers, source.name));
    int16_t place = 0;
    for (const std::string& name : engine::names_of_star(source))
      found->second.places.emplace(name, ++place);
    return found->second;
  }
  std::map<const engine::DataSource*, Table> tables_;
};

// Sets the catalog numbers and the roles of the columns of a planned SELECT.
void tell_origins(std::vector<sql::ResultColumn>& columns, const engine::Query& query,
                  const engine::PlanContext& context) {
  const std::vector<engine::ColumnOrigin> origins = engine::column_origins(query, context);
  Origins told;
  for (size_t i = 0; i < columns.size() && origins.size() == columns.size(); ++i)
    told.tell(columns[i], origins[i]);
}

std::vector<engine::ParameterSlot> slots_of(std::span<const engine::SqlType> types) {
  std::vector<engine::ParameterSlot> slots;
  for (const engine::SqlType& type : types) slots.push_back({type, {}});
  return slots;
}

}  // namespace

std::vector<sql::ResultColumn> display_columns(const engine::Schema& schema) {
  std::vector<sql::ResultColumn> columns;
  for (const engine::ColumnDef& column : schema.columns)
    columns.push_back(
        {engine::display_name(column.name), column.type, column.name, role_of(column)});
  return columns;
}

bool takes_long(const engine::ParsedStatement& statement) {
  if (is_definition(statement.statement)) return false;  // the metadata thread plans it
  return statement.text.size() > kMaxTextOnLoop || computes_functions(statement.statement);
}

bool take_long(const std::vector<engine::Value>& parameters) {
  constexpr size_t kMaxBytesOnLoop = 64 * 1024;
  size_t bytes = 0;
  for (const engine::Value& value : parameters) bytes += engine::size_of(value);
  return bytes > kMaxBytesOnLoop;
}

// Names the sources of a query whose rows cannot be written directly, unless one of them is hidden from the session.
std::string hint_for_sources(const engine::Catalog& catalog,
                             const std::vector<std::string>& sources) {
  const bool all_visible = std::ranges::all_of(sources, [&](const std::string& name) {
    const auto source = catalog.find_source(name);
    return source && engine::is_visible(*source);
  });
  if (!all_visible || sources.empty())
    return "Insert into the stream or table that the query reads.";
  return fmt::format("Insert into {}, which the query reads.", fmt::join(sources, " or "));
}

Status check_writable(const MetadataImage& image, const engine::DataSource& target) {
  const storage::TopicInfo* topic = image.topics->find(target.topic);
  if (topic && topic->config.contains(std::string(kViewTopicSetting)) &&
      !image.catalog->is_view(target))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("topic \"{}\" belongs to a materialized view", topic->name),
                 "Only the query of the view writes to it.",
                 "Insert into the tables that the view reads."};
  if (target.kind != engine::SourceKind::Table) return {};
  const std::vector<DefinedQueryPtr> writers = image.writers_of(target.name);
  if (writers.empty()) return {};
  if (image.catalog->is_view(target))
    return Error{
        ErrorCode::WrongObjectType,
        fmt::format("cannot change materialized view \"{}\"", engine::display_name(target.name)),
        {},
        fmt::format("Change the rows of {}.", fmt::join(writers.front()->query->sources, " or "))};
  return Error{ErrorCode::ObjectState,
               fmt::format("cannot write to table {}: its rows are written by query {}",
                           target.name, writers.front()->query->id),
               {},
               hint_for_sources(*image.catalog, writers.front()->query->sources)};
}

Result<std::unique_ptr<RowBuffer>> make_row_buffer(
    const MetadataImage& image, const std::shared_ptr<const engine::DataSource>& source,
    const Clock& clock, const SqlSettings& settings) {
  const storage::TopicInfo* topic = image.topics->find(source->topic);
  if (!topic)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" of {} was deleted", source->topic, source->name),
                 {},
                 fmt::format("DROP {} and create it again.", source->name)};
  std::unique_ptr<RowBuffer> buffer = TRY(
      RowBuffer::make(source, topic->id, topic->partition_count,
                      settings.engine.ksqldb_compat ? EventTimes::Unchecked : EventTimes::Checked));
  if (storage::has_append_time(*topic)) buffer->stamp_append_times(clock);
  return buffer;
}

Planner::Planner(const Clock& clock, const SqlSettings& settings, MetadataImagePtr image,
                 engine::Properties properties, MemoryBudget* memory, Asker asker)
    : clock_(clock),
      settings_(settings),
      image_(std::move(image)),
      topics_(*image_->topics),
      properties_(std::move(properties)),
      random_(static_cast<uint64_t>(clock.monotonic_us())),
      memory_(memory),
      asker_(std::move(asker)),
      may_read_([this](const engine::DataSource& source) {
        return check_read(*image_->users, asker_, source);
      }) {
  budget_.emplace(clock, nullptr, memory_);
}

void Planner::watch(const std::atomic<bool>& is_cancelled) {
  budget_.emplace(clock_, &is_cancelled, memory_);
  may_wait_ = true;
}

engine::PlanContext Planner::context_for(std::vector<engine::ParameterSlot>* parameters) const {
  return {.catalog = *image_->catalog,
          .topics = topics_,
          .settings = settings_.engine,
          .properties = properties_,
          .parameters = parameters,
          .fold_quoted_names = true,
          .system_tables = &engine::system_tables(),
          .may_read = asker_ ? &may_read_ : nullptr,
          .temporary = temporary_.empty() ? nullptr : &temporary_};
}

namespace {

ConstantRows rows_of(const std::vector<std::string>& lines) {
  auto column = std::make_shared<engine::Column>(engine::TypeKind::String);
  for (const std::string& line : lines) column->append_copy(line);
  return {{std::move(column)}, lines.size()};
}

Result<ConstantRows> explain_write(const engine::Explain& explain,
                                   const engine::PlanContext& context, const MetadataImage& image,
                                   const Asker& asker) {
  const auto may_change = [&](const engine::DataSource& target) -> Status {
    TRY(check_insert(*image.users, asker, target));
    return check_writable(image, target);
  };
  const std::vector<std::string> lines = TRY(explained_write(explain, context, may_change));
  return rows_of(explain.format == engine::ExplainFormat::Json
                     ? std::vector<std::string>{engine::plan_document(lines)}
                     : lines);
}

// Returns the SELECT that EXPLAIN ANALYZE has to run; null for other statements.
const engine::Query* analyzed_query(const engine::Statement& statement) {
  const auto* explain = std::get_if<engine::Explain>(&statement);
  if (!explain || !explain->analyze || !explain->statement ||
      explain->format != engine::ExplainFormat::Text)
    return nullptr;
  return std::get_if<engine::Query>(&explain->statement->statement);
}

// Returns the columns of SHOW, DESCRIBE or EXPLAIN as PostgreSQL's clients expect them: the column
// of EXPLAIN is named QUERY PLAN.
std::vector<sql::ResultColumn> told_columns(const engine::Statement& information) {
  std::vector<sql::ResultColumn> columns = display_columns(engine::information_schema(information));
  if (const auto* explain = std::get_if<engine::Explain>(&information)) {
    columns.front().name = "QUERY PLAN";
    if (explain->format == engine::ExplainFormat::Json)
      columns.front().type =
          engine::SqlType(engine::TypeKind::String).labelled(engine::label::kJson);
  }
  return columns;
}

// Fails if the statement skips a parameter number, for which no type is declared: the client would
// send a value of unknown type that no expression uses. The numbers are searched in the text, so a
// number within quotes can hide a gap.
Status check_numbers(std::string_view text, std::span<const engine::SqlType> types, size_t count) {
  std::vector<bool> is_there(count);
  for (size_t i = 0; i < std::min(count, types.size()); ++i) is_there[i] = !types[i].is_null();
  for (size_t at = text.find('$'); at != std::string_view::npos && count > 0;) {
    size_t number = 0;
    for (++at; at < text.size() && engine::is_ascii_digit(text[at]) && number <= count; ++at)
      number = 10 * number + static_cast<size_t>(text[at] - '0');
    if (number > 0 && number <= count) is_there[number - 1] = true;
    at = text.find('$', at);
  }
  const auto missing = std::ranges::find(is_there, false);
  if (missing == is_there.end()) return {};
  return Error{
      ErrorCode::UnknownDataType,
      fmt::format("could not determine data type of parameter ${}", missing - is_there.begin() + 1),
      "", "Number the parameters without gaps, or declare its type."};
}

}  // namespace

Result<std::shared_ptr<const SqlPrepared>> Planner::prepare(
    std::shared_ptr<const engine::ParsedStatement> statement,
    std::span<const engine::SqlType> parameter_types) {
  const engine::VisibleNamesInUse visible(visible_to(*image_->users, asker_));
  auto found = prepare_part(statement, parameter_types);
  if (!found) return with_hint_for_names(std::move(found).error(), *statement, *image_, asker_);
  auto prepared = *std::move(found);
  TRY(check_numbers(statement->text, parameter_types, prepared->parameters.size()));
  return prepared;
}

Result<std::shared_ptr<const SqlPrepared>> Planner::prepare_part(
    std::shared_ptr<const engine::ParsedStatement> parsed,
    std::span<const engine::SqlType> parameter_types) {
  budget_->begin({});
  const engine::CatalogNamesInUse names_in_use(names_.get());
  if (const auto sleeping = sleep_of(*parsed)) {
    const auto seconds = TRY(prepare_part(sleeping->seconds, parameter_types));
    auto rest = std::make_shared<SqlPrepared>(*TRY(prepare_part(sleeping->rest, parameter_types)));
    rest->parameters = merged_parameters(*sleeping, *seconds, *rest);
    rest->sleeps = true;
    rest->rows = seconds;
    return std::shared_ptr<const SqlPrepared>(std::move(rest));
  }
  parsed = TRY(with_sequence_rows(std::move(parsed), *image_->catalog));
  if (is_definition(parsed->statement) ||
      std::holds_alternative<engine::RefreshView>(parsed->statement))
    parsed = with_folded_names(std::move(parsed), context_for(nullptr));
  auto prepared = std::make_shared<SqlPrepared>();
  prepared->statement = parsed;
  prepared->revision = image_->revision;
  prepared->takes_long = takes_long(*parsed);
  const engine::Statement& statement = parsed->statement;
  TRY(check_row_locks(*parsed));
  if (writes_rows(statement, context_for(nullptr))) {
    TRY(prepare_write(*parsed, parameter_types, *prepared));
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (copies_rows(statement, *image_->catalog)) prepared->action = Action::AddKey;
  const bool has_parameters = engine::parameter_count(*parsed) > 0;
  if (is_definition(statement) && has_parameters) {
    const auto* create = std::get_if<engine::CreateAsSelect>(&statement);
    return Error{ErrorCode::NotSupported,
                 create && create->is_temporary
                     ? "CREATE TEMP TABLE ... AS with parameters is not supported yet"
                     : "a continuous query cannot have parameters",
                 "", "Write the values in the text of the statement."}
        .at(parsed->start);
  }
  if (is_definition(statement)) return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  if (const engine::Query* query = analyzed_query(statement))
    if (TRY(prepare_analyzed(*query, parameter_types, *prepared)))
      return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  if (engine::is_information_statement(statement)) {
    prepared->kind = sql::ResultKind::Rows;
    prepared->action = Action::Information;
    if (const auto* explain = std::get_if<engine::Explain>(&statement)) {
      if (has_parameters) {
        TRY(prepare_explained(*explain, parameter_types, *prepared));
        return std::shared_ptr<const SqlPrepared>(std::move(prepared));
      }
      if (engine::PlanContext context = context_for(nullptr); explains_write(*explain, context)) {
        TRY(explain_write(*explain, context, *image_, asker_));
        prepared->action = Action::Constant;
        prepared->is_explained = true;
      }
      TRY(check_explained(*explain));
    }
    prepared->columns = told_columns(statement);
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (engine::is_link_statement(statement)) {
    prepared->action = Action::Link;
    prepared->columns = display_columns(link_schema(statement));
    if (!prepared->columns.empty()) prepared->kind = sql::ResultKind::Rows;
    if (std::holds_alternative<engine::Print>(statement)) {
      prepared->kind = sql::ResultKind::PushRows;
      prepared->columns = {{"record", engine::TypeKind::String}};
    }
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (const auto* print = std::get_if<engine::Print>(&statement)) {
    TRY(engine::plan_print(*print, context_for(nullptr)));
    prepared->kind = sql::ResultKind::PushRows;
    prepared->action = Action::Print;
    prepared->columns = {{"record", engine::TypeKind::String}};
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (engine::is_connector_statement(statement)) {
    prepared->action = Action::Connector;
    prepared->columns = display_columns(connector_schema(statement));
    if (!prepared->columns.empty()) prepared->kind = sql::ResultKind::Rows;
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (std::holds_alternative<engine::AlterTopic>(statement) ||
      std::holds_alternative<engine::ResetOffsets>(statement)) {
    prepared->action = Action::Topic;
    if (std::holds_alternative<engine::ResetOffsets>(statement)) {
      prepared->columns = display_columns(reset_schema());
      prepared->kind = sql::ResultKind::Rows;
    }
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (const auto* refresh = std::get_if<engine::RefreshView>(&statement)) {
    // In PostgreSQL only the owner may refresh a view. Here REFRESH only waits for the view, so any
    // user with the right to read the view may run it.
    if (const auto* source = image_->catalog->find_source(refresh->name.name.text))
      TRY(check_read(*image_->users, asker_, *source));
    prepared->action = Action::Refresh;
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (std::holds_alternative<engine::AssertTopic>(statement) ||
      std::holds_alternative<engine::AssertSchema>(statement)) {
    prepared->action = Action::Assert;
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (const Status supported = check_supported(statement); !supported)
    return Error(supported.error()).at(parsed->start);
  std::vector<engine::ParameterSlot> slots = slots_of(parameter_types);
  slots.resize(
      std::max<size_t>(slots.size(), static_cast<size_t>(engine::parameter_count(*parsed))));
  if (const auto* insert = std::get_if<engine::InsertValues>(&statement)) {
    for (const engine::ParameterSlot& slot : slots) prepared->parameters.push_back(slot.type);
    TRY(prepare_insert(*insert, *prepared));
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  if (const auto* query = std::get_if<engine::Query>(&statement)) {
    TRY(prepare_query(*query, slots, *prepared));
    prepared->is_for_change = !parsed->row_locks.tables.empty();
    for (const engine::ParameterSlot& slot : slots)
      prepared->parameters.push_back(slot.type.is_null() ? engine::SqlType(engine::TypeKind::String)
                                                         : slot.type);
    return std::shared_ptr<const SqlPrepared>(std::move(prepared));
  }
  return Error{ErrorCode::NotSupported, "this statement is not supported yet"}.at(parsed->start);
}

// Fails if the client may not change the rows that the statement locks.
Status Planner::check_row_locks(const engine::ParsedStatement& statement) const {
  const engine::PlanContext context = context_for(nullptr);
  for (const engine::TableName& each : statement.row_locks.tables) {
    const engine::DataSource* source = engine::find_source(each.name, context);
    if (!source) continue;  // the source is a query of WITH or a catalog table
    TRY(check_insert(*image_->users, asker_, *source));
    if (!is_changed_by_rows(*source) || !check_writable(*image_, *source))
      return Error{ErrorCode::WrongObjectType,
                   fmt::format("cannot lock rows in \"{}\"", engine::display_name(source->name)),
                   "Its rows are written by a query, or are records of a stream.",
                   "Leave out FOR UPDATE: clients cannot change these rows."}
          .at(each.position);
  }
  return {};
}

// Prepares EXPLAIN of a query with parameters, which is planned with their values when it runs.
Status Planner::prepare_explained(const engine::Explain& explain,
                                  std::span<const engine::SqlType> parameter_types,
                                  SqlPrepared& out) {
  const auto* query =
      explain.statement ? std::get_if<engine::Query>(&explain.statement->statement) : nullptr;
  if (!query)
    return Error{ErrorCode::NotSupported,
                 "parameters in EXPLAIN of anything but a SELECT are not supported yet", "",
                 "Write the values in the text of the statement."}
        .at(out.statement->start);
  std::vector<engine::ParameterSlot> slots = slots_of(parameter_types);
  slots.resize(
      std::max<size_t>(slots.size(), static_cast<size_t>(engine::parameter_count(*out.statement))));
  SqlPrepared planned = out;
  TRY(prepare_query(*query, slots, planned));
  out.kind = sql::ResultKind::Rows;
  out.action = Action::Constant;
  out.is_explained = true;
  for (const engine::ParameterSlot& slot : slots)
    out.parameters.push_back(slot.type.is_null() ? engine::SqlType(engine::TypeKind::String)
                                                 : slot.type);
  out.columns = told_columns(out.statement->statement);
  return {};
}

// Prepares EXPLAIN ANALYZE of a SELECT. Returns false for a query that does not end or that reads
// through a stream; the caller then prepares it like other EXPLAIN statements, and running it
// reports the error.
Result<bool> Planner::prepare_analyzed(const engine::Query& query,
                                       std::span<const engine::SqlType> parameter_types,
                                       SqlPrepared& out) {
  std::vector<engine::ParameterSlot> slots = slots_of(parameter_types);
  slots.resize(
      std::max<size_t>(slots.size(), static_cast<size_t>(engine::parameter_count(*out.statement))));
  SqlPrepared planned = out;
  TRY(prepare_query(query, slots, planned));
  if (planned.action != Action::Select && planned.action != Action::Pull &&
      planned.action != Action::Constant)
    return false;
  out.kind = planned.kind;
  out.action = Action::Select;
  out.is_analyzed = true;
  for (const engine::ParameterSlot& slot : slots)
    out.parameters.push_back(slot.type.is_null() ? engine::SqlType(engine::TypeKind::String)
                                                 : slot.type);
  out.columns = told_columns(out.statement->statement);
  return true;
}

Result<std::shared_ptr<const SqlPrepared>> Planner::prepare_rows(
    engine::Query query, const engine::ParsedStatement& statement,
    std::span<const engine::SqlType> parameter_types) {
  auto rows = std::make_shared<engine::ParsedStatement>();
  rows->text = statement.text;
  rows->start = statement.start;
  rows->statement = std::move(query);
  auto prepared =
      std::make_shared<SqlPrepared>(*TRY(prepare_part(std::move(rows), parameter_types)));
  prepared->is_for_change = true;
  return std::shared_ptr<const SqlPrepared>(std::move(prepared));
}

namespace {

// Whether converting the parameter from its declared type gives another result than parsing its
// text as the type of the column: 23:30-05 for a column without a time zone, 5.5 for a column of
// whole numbers.
bool is_read_as_declared(const engine::SqlType& declared, const engine::SqlType& column) {
  if (declared.label() == engine::label::kExactTimestamptz)
    return column.is_time_like() && !engine::is_instant(column);
  return declared.label() == engine::label::kNumeric &&
         (column.kind() == engine::TypeKind::Integer || column.kind() == engine::TypeKind::Bigint);
}

engine::SqlType read_type_of(const engine::SqlType& declared) {
  constexpr int kDigitsBehindPoint = 14;  // the scale of NUMERIC in arithmetic with a whole number
  return declared.label() == engine::label::kNumeric
             ? engine::SqlType::decimal(engine::kMaxDecimalPrecision, kDigitsBehindPoint)
             : engine::open_type(declared);
}

// Gives a parameter the type of its column if the parameter is the whole value and not a part of an
// expression, unless the client has declared another type.
void take_column_type(const engine::Expression& value, const engine::SqlType& type,
                      std::vector<engine::SqlType>& parameters) {
  const auto* parameter = value.as<engine::Parameter>();
  if (!parameter) return;
  engine::SqlType& known = parameters[static_cast<size_t>(parameter->index) - 1];
  if (known.is_null()) known = is_read_as_declared(known, type) ? read_type_of(known) : type;
}

// Gives a parameter that is a whole value of VALUES, or a whole SELECT item, the type of the column
// that it is written to. A SELECT with * is left out, because its items do not correspond to
// columns one by one.
void take_column_types(const RowsWrite& write, std::vector<engine::SqlType>& parameters) {
  const std::vector<engine::SqlType> types = write.types();
  const auto take = [&](const auto& values, auto expression_of) {
    for (size_t i = 0; i < values.size() && i < types.size(); ++i)
      if (const engine::ExpressionPtr& value = expression_of(values[i]))
        take_column_type(*value, types[i], parameters);
  };
  const bool has_star = std::ranges::any_of(write.rows.items, [](const engine::SelectItem& item) {
    return item.kind != engine::SelectItemKind::Expression;
  });
  if (!has_star)
    take(
        write.rows.items, [](const auto& item) -> const auto& { return item.expression; });
  for (const engine::ExpressionList& row : write.rows.values)
    take(
        row, [](const auto& value) -> const auto& { return value; });
}

// Fails with TypeMismatch if a text that is not a literal is written to a column of dates or times. `rows` are the
// rows that are written, `places` the places of their columns in the target, and `types` the types of their columns.
Status check_texts_for_times(const engine::Query& rows, std::span<const size_t> places,
                             const engine::DataSource& target,
                             std::span<const sql::ResultColumn> types) {
  if (!rows.values.empty()) return {};  // each value is converted separately
  const bool has_items = rows.items.size() == types.size();
  for (size_t i = 0; i < std::min(types.size(), places.size()); ++i) {
    const engine::ColumnDef& column = target.schema.columns[places[i]];
    const engine::Expression* value = has_items ? rows.items[i].expression.get() : nullptr;
    if (engine::is_text_for_time(value, types[i].type, column.type))
      return engine::text_for_time(column.name, column.type, types[i].type)
          .at(value ? value->position : rows.position);
  }
  return {};
}

}  // namespace

Status Planner::prepare_write(const engine::ParsedStatement& statement,
                              std::span<const engine::SqlType> parameter_types, SqlPrepared& out) {
  out.kind = sql::ResultKind::Insert;
  out.action = Action::WriteRows;
  RowsWrite write = TRY(plan_rows_write(statement.statement, context_for(nullptr)));
  TRY(check_insert(*image_->users, asker_, *write.target));
  TRY(check_writable(*image_, *write.target));
  if (write.rows.emit != engine::Emit::None)
    return Error{
        ErrorCode::NotSupported,
        fmt::format("{} is a table, so rows are written once, without EMIT", write.target->name)}
        .at(statement.start);
  out.parameters.assign(parameter_types.begin(), parameter_types.end());
  out.parameters.resize(std::max<size_t>(parameter_types.size(),
                                         static_cast<size_t>(engine::parameter_count(statement))));
  TRY(prepare_returning(returning_of(statement.statement), *write.target,
                        returning_names(statement.statement), out));
  take_column_types(write, out.parameters);
  const std::vector<engine::SqlType> known = out.parameters;
  parameter_types = known;
  out.rows = TRY(prepare_rows(clone(write.rows), statement, parameter_types));
  if (out.rows->columns.size() > write.places.size())
    return Error{ErrorCode::SyntaxError, "INSERT has more expressions than target columns"}.at(
        statement.start);
  write.places.resize(out.rows->columns.size());
  std::vector<engine::SqlType> types;
  for (const sql::ResultColumn& column : out.rows->columns) types.push_back(column.type);
  if (const auto& [selected, places] = write.selected; selected) {
    const auto given = TRY(prepare_rows(clone(*selected), statement, parameter_types));
    TRY(check_texts_for_times(*selected, places, *write.target, given->columns));
  } else {
    TRY(check_texts_for_times(write.rows, write.places, *write.target, out.rows->columns));
  }
  if (TRY(add_sequence_defaults(write, out.rows->columns.size()))) {
    out.rows = TRY(prepare_rows(clone(write.rows), statement, parameter_types));
    types.clear();
    for (const sql::ResultColumn& column : out.rows->columns) types.push_back(column.type);
  }
  const std::vector<engine::SqlType> wanted = write.types();
  const bool has_widened = TRY(widen_arithmetic(write, types));
  // Drops the inferred scale of NUMERIC parameters, since such a parameter keeps all digits of its
  // value.
  for (size_t i = 0; i < types.size() && !out.parameters.empty(); ++i)
    if (types[i].kind() == engine::TypeKind::Decimal) types[i] = engine::SqlType();
  if (has_widened || !std::ranges::equal(types, wanted, is_written_alike)) {
    auto typed = TRY(with_types(std::move(write.rows), types, wanted));
    out.rows = TRY(prepare_rows(std::move(typed), statement, parameter_types));
  }
  out.parameters = out.rows->parameters;
  out.write = std::make_shared<const RowsWrite>(std::move(write));
  return {};
}

// Fails if the client may not read the tables of the explained statement, because its plan shows
// facts about these tables. EXPLAIN itself reports all other errors.
Status Planner::check_explained(const engine::Explain& explain) {
  if (!asker_ || !explain.statement) return {};
  const engine::Statement& statement = explain.statement->statement;
  Status planned;
  if (const auto* query = std::get_if<engine::Query>(&statement)) {
    std::vector<engine::ParameterSlot> slots;
    SqlPrepared ignored;
    planned = prepare_query(*query, slots, ignored);
  } else if (const auto* create = std::get_if<engine::CreateAsSelect>(&statement)) {
    auto plan = engine::plan_create_as(*create, *explain.statement, context_for(nullptr));
    if (!plan) planned = std::move(plan).error();
  } else if (const auto* view = std::get_if<engine::CreateView>(&statement)) {
    auto plan =
        engine::plan_materialized_view(*view, *explain.statement, context_for(nullptr), eval());
    if (!plan) planned = std::move(plan).error();
  } else if (const auto* insert = std::get_if<engine::InsertSelect>(&statement)) {
    auto plan = engine::plan_insert_select(*insert, *explain.statement, context_for(nullptr));
    if (!plan) planned = std::move(plan).error();
  }
  if (planned || planned.error().code != ErrorCode::InsufficientPrivilege) return {};
  return planned;
}

// Refuses statements that the dialect has but this server does not support yet.
Status Planner::check_supported(const engine::Statement& statement) {
  if (std::holds_alternative<engine::RunScript>(statement))
    return Error{
        ErrorCode::NotSupported,
        "RUN SCRIPT is a statement of ksqlDB's command line: a server cannot read files of its "
        "clients",
        {},
        "In psql, use \\i with the name of the file. Elsewhere, send the content of the file."};
  return {};
}

Status Planner::prepare_query(const engine::Query& query, std::vector<engine::ParameterSlot>& slots,
                              SqlPrepared& out) {
  const engine::PlanContext context = context_for(&slots);
  out.kind = query.emit == engine::Emit::None ? sql::ResultKind::Rows : sql::ResultKind::PushRows;
  if (follows_system_table(query, context)) {
    out.action = Action::Follow;
    const FollowedSelect follow = TRY(plan_follow(query, context, eval()));
    out.columns = display_columns(follow.rows->result);
    for (const size_t column : follow.key) out.columns[column].role = "KEY";
  } else if (engine::is_general_select(query, context)) {
    out.action = Action::Select;
    out.columns = display_columns(TRY(engine::plan_select_rows(query, context, eval())).result);
    tell_origins(out.columns, query, context);
  } else if (!query.from) {
    out.action = Action::Constant;
    out.columns = display_columns(TRY(engine::plan_constant_query(query, context)).result);
  } else if (query.emit != engine::Emit::None || engine::asks_stream(query, context)) {
    out.action = query.emit != engine::Emit::None ? Action::Push : Action::StreamToEnd;
    out.reads_stream = out.action == Action::StreamToEnd;
    if (out.action == Action::StreamToEnd) TRY(engine::check_pull_clauses(query, context));
    out.columns = display_columns(TRY(engine::plan_push_query(query, context)).result);
  } else {
    auto pulled = engine::plan_pull_query(query, context, eval());
    // Plans again with plan_select_rows(), because only that function accepts the name of a table
    // as a value.
    if (!pulled && pulled.error().code == ErrorCode::UndefinedColumn &&
        !context.settings.ksqldb_compat) {
      if (auto selected = engine::plan_select_rows(query, context, eval())) {
        out.action = Action::Select;
        out.columns = display_columns(selected->result);
        tell_origins(out.columns, query, context);
        return {};
      }
    }
    out.action = Action::Pull;
    auto plan = std::make_shared<const engine::PullPlan>(TRY(std::move(pulled)));
    out.columns = display_columns(plan->result);
    tell_origins(out.columns, query, context);
    out.properties = properties_;
    std::vector<engine::SqlType> types;
    for (const engine::ParameterSlot& slot : slots) types.push_back(slot.type);
    out.point = engine::PointLookUp::make(query, *plan, types);
    out.is_look_up = out.point != nullptr;
    if (slots.empty() && engine::is_repeatable(*plan)) out.pull = std::move(plan);
  }
  return {};
}

namespace {

// A cast such as $1::date[] gives its type to a parameter without a declared type.
void take_cast_types(const engine::Expression& expression, const engine::CustomTypes& types,
                     std::vector<engine::SqlType>& parameters) {
  const auto* cast = expression.as<engine::Cast>();
  const auto* parameter = cast ? cast->operand->as<engine::Parameter>() : nullptr;
  if (parameter) {
    engine::SqlType& type = parameters[static_cast<size_t>(parameter->index) - 1];
    const bool is_exact = cast->type.custom_name == "NUMERIC" && cast->type.precision == 0;
    if (!type.is_null()) return;
    if (is_exact) {
      type = engine::type_of(*engine::find_label(engine::label::kNumeric));
    } else if (auto named = engine::resolve_type(cast->type, types)) {
      type = is_read_as_declared(type, *named) ? read_type_of(type) : *std::move(named);
    }
    return;
  }
  for (const engine::Expression* child : engine::children(expression))
    take_cast_types(*child, types, parameters);
}

}  // namespace

// Prepares an INSERT ... VALUES. A parameter that is the whole value of a column takes the type of
// the column.
Status Planner::prepare_insert(const engine::InsertValues& insert, SqlPrepared& out) const {
  out.kind = sql::ResultKind::Insert;
  out.action = Action::Insert;
  const engine::PlanContext context = context_for(nullptr);
  if (const engine::DataSource* target = engine::find_source(insert.target, context)) {
    std::vector<engine::SqlType> types;
    for (const size_t index : engine::shown_columns(*target))
      if (const engine::ColumnDef& column = target->schema.columns[index];
          insert.columns.empty() && engine::is_written(column))
        types.push_back(column.type);
    for (const engine::InsertColumn& column : insert.columns) {
      const int index = engine::find_insert_column(column, *target, context);
      types.push_back(index >= 0 ? target->schema.columns[static_cast<size_t>(index)].type
                                 : engine::SqlType(engine::TypeKind::Bigint));
    }
    for (const engine::ExpressionList& row : insert.rows)
      for (size_t i = 0; i < row.size() && i < types.size(); ++i)
        take_column_type(*row[i], types[i], out.parameters);
    TRY(prepare_returning(insert.returning, *target, returning_names(out.statement->statement),
                          out));
  }
  for (const engine::ExpressionList& row : insert.rows)
    for (const engine::ExpressionPtr& value : row)
      take_cast_types(*value, context.catalog.types, out.parameters);
  infer_parameters(insert, out.parameters);
  return {};
}

namespace {

bool reads_open_parameter(const engine::Expression& expression,
                          std::span<const engine::ParameterSlot> slots) {
  if (const auto* parameter = expression.as<engine::Parameter>())
    return slots[static_cast<size_t>(parameter->index) - 1].type.is_null();
  return std::ranges::any_of(engine::children(expression), [&](const engine::Expression* child) {
    return reads_open_parameter(*child, slots);
  });
}

}  // namespace

// Gives parameters inside expressions the types that they would have in a SELECT of the values.
void Planner::infer_parameters(const engine::InsertValues& insert,
                               std::vector<engine::SqlType>& parameters) const {
  std::vector<engine::ParameterSlot> slots = slots_of(parameters);
  const engine::PlanContext context = context_for(&slots);
  for (const engine::ExpressionList& row : insert.rows)
    for (const engine::ExpressionPtr& value : row) {
      if (value->is<engine::Parameter>() || !reads_open_parameter(*value, slots)) continue;
      engine::Query query;
      query.items.push_back({engine::SelectItemKind::Expression, clone(*value), std::nullopt,
                             std::nullopt, value->position});
      // The error is ignored here, since it is reported when the value is computed.
      static_cast<void>(engine::plan_constant_query(query, context));
    }
  for (size_t i = 0; i < parameters.size(); ++i)
    parameters[i] = slots[i].type.is_null() ? engine::open_type(slots[i].type) : slots[i].type;
}

Status Planner::prepare_returning(std::span<const engine::SelectItem> items,
                                  const engine::DataSource& target, const ReturningNames& names,
                                  SqlPrepared& out) const {
  if (items.empty()) return {};
  std::vector<engine::ParameterSlot> slots = slots_of(out.parameters);
  const Returning returning = TRY(bind_returning(items, target, names, context_for(&slots)));
  for (size_t i = 0; i < slots.size(); ++i) out.parameters[i] = slots[i].type;
  Origins told;
  for (const ReturnedValue& each : returning) {
    out.columns.push_back({each.name, each.value.type, each.column, {}});
    if (!each.column.empty()) told.tell(out.columns.back(), {&target, each.column});
  }
  return {};
}

// Fails if the types of RETURNING have changed, because the target was replaced since the statement
// was prepared.
Status Planner::check_returning(const SqlPrepared& prepared, const Returning& returning) const {
  if (prepared.revision == image_->revision ||
      std::ranges::equal(
          returning, prepared.columns, {},
          [](const ReturnedValue& each) { return each.value.type; }, &sql::ResultColumn::type))
    return {};
  return Error{ErrorCode::NotSupported, "cached plan must not change result type",
               "The target of the statement has been replaced since it was prepared.",
               "Prepare it again."};
}

namespace {

// Converts the columns of RETURNING to the types that the client received when it prepared the
// statement. Without this, the types could differ when the parameters have values: a NUMERIC then
// has the scale of its value.
Status take_told_types(const std::vector<sql::ResultColumn>& told, Returning& returning) {
  for (size_t i = 0; i < returning.size() && i < told.size(); ++i) {
    engine::BoundExpression& value = returning[i].value;
    if (!value.type.is_identical(told[i].type))
      value = TRY(engine::coerce(std::move(value), told[i].type));
  }
  return {};
}

}  // namespace

Result<Returning> Planner::returning_of_rows(const SqlPrepared& prepared,
                                             std::span<const engine::Value> parameters) {
  if (prepared.columns.empty()) return Returning();
  std::vector<engine::ParameterSlot> slots = slots_of(prepared.parameters);
  for (size_t i = 0; i < slots.size() && i < parameters.size(); ++i) slots[i].value = parameters[i];
  const engine::Statement& statement = prepared.statement->statement;
  Returning returning = TRY(bind_returning(returning_of(statement), *prepared.write->target,
                                           returning_names(statement), context_for(&slots)));
  TRY(take_told_types(prepared.columns, returning));
  return returning;
}

Result<std::vector<engine::ColumnPtr>> Planner::compute_returned(
    const Returning& returning, const engine::DataSource& target,
    std::span<const engine::ColumnPtr> written, size_t rows) {
  budget_->begin({});
  auto values = TRY(returned_rows(returning, target, written, rows, eval()));
  TRY(budget_->status());
  return values;
}

Result<PlannedStatement> Planner::plan(const SqlPrepared& prepared,
                                       std::vector<engine::Value> parameters) {
  const engine::VisibleNamesInUse visible(visible_to(*image_->users, asker_));
  budget_->begin({});
  const engine::SequencesInUse in_use(may_wait_ ? sequences_.get() : nullptr);
  const engine::CatalogNamesInUse names_in_use(names_.get());
  std::vector<engine::ParameterSlot> slots = slots_of(prepared.parameters);
  for (size_t i = 0; i < slots.size() && i < parameters.size(); ++i)
    slots[i].value = std::move(parameters[i]);
  const engine::PlanContext context = context_for(&slots);
  const engine::Statement& statement = prepared.statement->statement;
  // The variant is built in place, because GCC 12 warns about the destructor of a temporary
  // variant.
  const auto planned = [](auto result) -> Result<PlannedStatement> {
    if (!result) return std::move(result).error();
    return Result<PlannedStatement>(tl::in_place, *std::move(result));
  };
  if (prepared.action == Action::Insert)
    return planned(plan_insert(prepared, std::get<engine::InsertValues>(statement), context));
  if (prepared.action == Action::Print)
    return planned(engine::plan_print(std::get<engine::Print>(statement), context));
  if (const auto* explain = std::get_if<engine::Explain>(&statement);
      explain && prepared.is_explained)
    return planned(explains_write(*explain, context)
                       ? explain_write(*explain, context, *image_, asker_)
                       : explain_constants(*explain, context));
  const auto& query =
      prepared.is_analyzed ? *analyzed_query(statement) : std::get<engine::Query>(statement);
  if (prepared.action == Action::Constant) return planned(compute_constants(query, context));
  if (prepared.action == Action::Follow) return planned(plan_follow(query, context, eval()));
  if (prepared.action == Action::Select) return planned(plan_select(prepared, query, context));
  if (prepared.action == Action::Pull) {
    LookUp look_up = TRY(plan_look_up(prepared, query, context));
    if (held_.contains(look_up->table->name)) return planned(plan_select(prepared, query, context));
    return Result<PlannedStatement>(tl::in_place, std::move(look_up));
  }
  engine::PlannedQuery push = TRY(engine::plan_push_query(query, context));
  TRY(check_result(prepared, push.result));
  return Result<PlannedStatement>(tl::in_place, std::move(push));
}

// Fails if the columns have changed since the statement was prepared: a client that has received a
// row description reads rows of these columns. The types may depend on the values of parameters, so
// with parameters the statement is prepared again without values, and the columns are compared with
// the new ones.
Status Planner::check_result(const SqlPrepared& prepared, const engine::Schema& result) {
  if (prepared.revision == image_->revision) return {};
  bool is_same = false;
  if (prepared.parameters.empty()) {
    is_same =
        std::ranges::equal(prepared.columns, result.columns,
                           [](const sql::ResultColumn& a, const engine::ColumnDef& b) {
                             return a.type == b.type && a.name == engine::display_name(b.name);
                           });
  } else {
    const auto anew = prepare(prepared.statement, prepared.parameters);
    is_same =
        anew && std::ranges::equal(prepared.columns, (*anew)->columns,
                                   [](const sql::ResultColumn& a, const sql::ResultColumn& b) {
                                     return a.type == b.type && a.name == b.name;
                                   });
  }
  if (is_same) return {};
  return Error{ErrorCode::NotSupported, "cached plan must not change result type",
               "A source of the statement has been replaced since it was prepared.",
               "Prepare it again."};
}

Status Planner::check_defaults(std::span<const engine::TableElement> columns) {
  budget_->begin({});
  for (const engine::TableElement& element : columns) {
    if (element.default_sql.empty()) continue;
    const auto schema = engine::read_schema(std::span(&element, 1), image_->catalog->types);
    // the execution of the definition reports this error
    if (!schema || schema->columns.empty()) continue;
    TRY(check_default(schema->columns.front(), element.position));
  }
  return {};
}

Status Planner::check_default(const engine::AlterDefault& alter) {
  budget_->begin({});
  const engine::DataSource* table = image_->catalog->find_source(alter.table.name.text);
  const int index = table ? table->schema.index_of(alter.column.name.text) : -1;
  if (index < 0) return {};  // the execution of the definition reports this error
  engine::ColumnDef column = table->schema.columns[static_cast<size_t>(index)];
  column.default_sql = alter.default_sql;
  return check_default(column, alter.column.position);
}

// Computes the DEFAULT with imaginary sequences, so that nextval() uses up no number of a real
// sequence.
Status Planner::check_default(const engine::ColumnDef& column, TextPosition position) {
  ImaginarySequences sequences(*image_->catalog);
  const engine::SequencesInUse in_use(&sequences);
  auto value = engine::default_value(column, context_for(nullptr), eval());
  if (!value) return std::move(value).error().at(position);
  return {};
}

Result<LeftOutColumns> Planner::left_out(const std::shared_ptr<const engine::DataSource>& table) {
  budget_->begin({});
  const storage::TopicInfo* topic = image_->topics->find(table->topic);
  std::vector<engine::Value> defaults;
  std::vector<std::string> sequences, own;
  for (const engine::ColumnDef& column : table->schema.columns) {
    sequences.push_back(sequence_of_default(column));
    const engine::SequencePtr owned = own_sequence(*image_->catalog, *table, column);
    own.push_back(owned ? owned->name : std::string());
    defaults.push_back(has_sequence_default(column)
                           ? engine::Value()
                           : TRY(engine::default_value(column, context_for(nullptr), eval())));
  }
  return LeftOutColumns(table, topic ? topic->id : Uuid(), std::move(defaults),
                        std::move(sequences), std::move(own), *numbers_, serials_of_session_);
}

void Planner::add_given_numbers(const engine::InsertBatch& rows,
                                std::vector<GivenNumbers>& given) const {
  const std::vector<engine::ColumnDef>& columns = rows.target->schema.columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::SequencePtr own = own_sequence(*image_->catalog, *rows.target, columns[i]);
    if (!own) continue;
    const auto left_out = std::ranges::find(rows.defaults, i, &engine::InsertBatch::Gaps::column);
    add_given(*rows.columns[i], own->name,
              left_out == rows.defaults.end() ? std::span<const size_t>()
                                              : std::span<const size_t>(left_out->rows),
              given);
  }
}

Result<InsertRows> Planner::plan_insert(const SqlPrepared& prepared,
                                        const engine::InsertValues& insert,
                                        const engine::PlanContext& context) {
  engine::InsertBatch rows = TRY(engine::plan_insert_values(insert, context, eval()));
  TRY(budget_->status());
  TRY(check_insert(*image_->users, asker_, *rows.target));
  TRY(check_writable(*image_, *rows.target));
  Returning returning = TRY(bind_returning(
      insert.returning, *rows.target, returning_names(prepared.statement->statement), context));
  TRY(check_returning(prepared, returning));
  TRY(take_told_types(prepared.columns, returning));
  InsertRows planned{TRY(make_row_buffer(*image_, rows.target, clock_, settings_)), {}};
  if (numbers_)
    TRY(fill_serials(rows, planned.buffer->topic(), *numbers_, serials_of_session_.get()));
  add_given_numbers(rows, planned.given);
  TRY(planned.buffer->add(rows.columns, rows.timestamps.size(), rows.timestamps));
  if (!returning.empty())
    planned.returned =
        TRY(returned_rows(returning, *rows.target, rows.columns, rows.timestamps.size(), eval()));
  TRY(budget_->status());
  return planned;
}

Result<ConstantRows> Planner::explain_constants(const engine::Explain& explain,
                                                const engine::PlanContext& context) {
  return rows_of(TRY(engine::explained_lines(explain, context)));
}

Result<ConstantRows> Planner::compute_constants(const engine::Query& query,
                                                const engine::PlanContext& context) {
  const engine::ConstantPlan plan = TRY(engine::plan_constant_query(query, context));
  ConstantRows result;
  result.rows = plan.limit.value_or(1) > 0 ? 1 : 0;
  if (result.rows > 0 && plan.filter) {
    engine::RowErrors errors(1);
    result.rows = engine::Program(*plan.filter).select({}, 1, eval(), errors).size();
    TRY(engine::refuse_failures(errors));
  }
  if (result.rows == 0) return result;
  std::vector<engine::Evaluated> values = engine::Program(plan.columns).run({}, 1, eval());
  TRY(budget_->status());
  for (engine::Evaluated& value : values) {
    if (!value.errors.messages().empty())
      return Error{value.errors.messages().front().code, value.errors.messages().front().text};
    result.columns.push_back(std::move(value.column));
  }
  return result;
}

Result<SelectRows> Planner::plan_select(const SqlPrepared& prepared, const engine::Query& query,
                                        const engine::PlanContext& context) {
  auto plan = std::make_shared<const engine::SelectRowsPlan>(
      engine::without_empty_parts(TRY(engine::plan_select_rows(query, context, eval())), eval()));
  TRY(budget_->status());
  TRY(check_result(prepared, plan->result));
  return SelectRows(std::move(plan));
}

Result<LookUp> Planner::plan_look_up(const SqlPrepared& prepared, const engine::Query& query,
                                     const engine::PlanContext& context) {
  if (prepared.pull && prepared.revision == image_->revision && prepared.properties == properties_)
    return prepared.pull;
  auto plan = std::make_shared<const engine::PullPlan>(
      TRY(engine::plan_pull_query(query, context, eval())));
  TRY(budget_->status());  // reports errors of the constants from which the keys were computed
  TRY(check_result(prepared, plan->result));
  return LookUp(std::move(plan));
}

}  // namespace server
