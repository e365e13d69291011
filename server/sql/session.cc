#include "server/sql/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/plan/insert_values.h"
#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "engine/system_tables/information.h"
#include "server/sql/copy_in.h"
#include "server/sql/execution.h"

namespace server {

namespace {

using Action = SqlPrepared::Action;

bool is_upper(const std::string& name) {
  return std::ranges::none_of(name, [](unsigned char c) { return std::islower(c); });
}

// A planned statement's source, if it asks a stream without EMIT: everything that it holds now.
bool asks_stream(const engine::Query& query, const engine::PlanContext& context) {
  const engine::DataSource* source =
      query.from ? engine::find_source(query.from->name, context) : nullptr;
  return source && source->kind == engine::SourceKind::Stream;
}

std::vector<engine::ParameterSlot> slots_of(std::span<const engine::SqlType> types) {
  std::vector<engine::ParameterSlot> slots;
  for (const engine::SqlType& type : types) slots.push_back({type, {}});
  return slots;
}

}  // namespace

std::string display_name(const std::string& name) {
  if (!is_upper(name)) return name;
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::vector<sql::ResultColumn> display_columns(const engine::Schema& schema) {
  std::vector<sql::ResultColumn> columns;
  for (const engine::ColumnDef& column : schema.columns)
    columns.push_back({display_name(column.name), column.type});
  return columns;
}

Result<std::unique_ptr<sql::SessionBackend>> SqlBackend::open_session(
    const sql::SessionInfo& info, const sql::SessionSettings& settings) {
  return std::unique_ptr<sql::SessionBackend>(
      std::make_unique<SqlSession>(parts_, shard_, settings, info.memory));
}

SqlSession::SqlSession(SqlParts& parts, Shard& shard, const sql::SessionSettings& settings,
                       MemoryAccount* memory)
    : parts_(parts),
      shard_(shard),
      settings_(settings),
      random_(static_cast<uint64_t>(parts.clock.monotonic_us())),
      memory_(memory) {}

SqlSession::~SqlSession() = default;

engine::Properties SqlSession::properties() const {
  engine::Properties properties = settings_.properties();
  // How rows are shown to this client is nobody else's affair.
  std::erase_if(properties, [](const auto& entry) { return entry.first.starts_with("push."); });
  return properties;
}

int64_t SqlSession::setting_ms(const std::string& name, int64_t otherwise) const {
  return settings_.get(name) ? settings_.get_ms(name) : otherwise;
}

Status SqlSession::check_setting(const std::string& name, const std::string& value) {
  if (name == "auto.offset.reset" && value != "earliest" && value != "latest")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("invalid value for auto.offset.reset: \"{}\"", value),
                 {},
                 "It is earliest or latest."};
  return {};
}

engine::PlanContext SqlSession::context_for(const MetadataImage& image,
                                            const engine::Topics& topics,
                                            std::vector<engine::ParameterSlot>* parameters) {
  properties_ = properties();
  return {*image.catalog, topics, parts_.settings.engine, properties_, parameters, true};
}

Result<std::shared_ptr<const sql::Prepared>> SqlSession::prepare(
    std::shared_ptr<const engine::ParsedStatement> statement,
    std::span<const engine::SqlType> parameter_types) {
  const MetadataImagePtr image = parts_.definitions.image();
  const SnapshotTopics topics(*image->topics);
  auto prepared = std::make_shared<SqlPrepared>();
  prepared->statement = statement;
  prepared->revision = image->revision;
  if (is_definition(statement->statement)) {
    prepared->kind = sql::ResultKind::None;
    return std::shared_ptr<const sql::Prepared>(std::move(prepared));
  }
  if (engine::is_information_statement(statement->statement)) {
    prepared->kind = sql::ResultKind::Rows;
    prepared->action = Action::Information;
    prepared->columns = display_columns(engine::information_schema(statement->statement));
    return std::shared_ptr<const sql::Prepared>(std::move(prepared));
  }
  std::vector<engine::ParameterSlot> slots = slots_of(parameter_types);
  slots.resize(
      std::max<size_t>(slots.size(), static_cast<size_t>(engine::parameter_count(*statement))));
  if (const auto* insert = std::get_if<engine::InsertValues>(&statement->statement)) {
    for (const engine::ParameterSlot& slot : slots) prepared->parameters.push_back(slot.type);
    TRY(prepare_insert(*insert, *image, *prepared));
    return std::shared_ptr<const sql::Prepared>(std::move(prepared));
  }
  if (const auto* query = std::get_if<engine::Query>(&statement->statement)) {
    TRY(prepare_query(*query, context_for(*image, topics, &slots), *prepared));
    for (const engine::ParameterSlot& slot : slots)
      prepared->parameters.push_back(slot.type.is_null() ? engine::SqlType(engine::TypeKind::String)
                                                         : slot.type);
    return std::shared_ptr<const sql::Prepared>(std::move(prepared));
  }
  return Error{ErrorCode::NotSupported, "this statement is not supported yet"}.at(statement->start);
}

Status SqlSession::prepare_query(const engine::Query& query, const engine::PlanContext& context,
                                 SqlPrepared& out) {
  out.kind = query.emit == engine::Emit::None ? sql::ResultKind::Rows : sql::ResultKind::PushRows;
  if (!query.from) {
    out.action = Action::Constant;
    out.columns = display_columns(TRY(engine::plan_constant_query(query, context)).result);
  } else if (query.emit != engine::Emit::None || asks_stream(query, context)) {
    out.action = query.emit != engine::Emit::None ? Action::Push : Action::StreamToEnd;
    if (out.action == Action::StreamToEnd) TRY(engine::check_pull_clauses(query));
    out.columns = display_columns(TRY(engine::plan_push_query(query, context)).result);
  } else {
    out.action = Action::Pull;
    auto plan = std::make_shared<const engine::PullPlan>(
        TRY(engine::plan_pull_query(query, context, eval())));
    out.columns = display_columns(plan->result);
    out.properties = context.properties;
    if (context.parameters->empty() && engine::is_repeatable(*plan)) out.pull = std::move(plan);
  }
  return {};
}

Result<std::shared_ptr<const engine::PullPlan>> SqlSession::pull_plan(
    const SqlPrepared& prepared, const engine::Query& query, const MetadataImage& image,
    const engine::PlanContext& context) {
  if (prepared.pull && prepared.revision == image.revision &&
      prepared.properties == context.properties)
    return prepared.pull;
  return std::make_shared<const engine::PullPlan>(
      TRY(engine::plan_pull_query(query, context, eval())));
}

// A parameter that is a value by itself has its column's type.
Status SqlSession::prepare_insert(const engine::InsertValues& insert, const MetadataImage& image,
                                  SqlPrepared& out) const {
  out.kind = sql::ResultKind::Insert;
  out.action = Action::Insert;
  const engine::DataSource* target = image.catalog->find_source(insert.target.text);
  if (target) {
    std::vector<engine::SqlType> types;
    for (const engine::ColumnDef& column : target->schema.columns)
      if (insert.columns.empty() && column.role != engine::ColumnRole::Headers)
        types.push_back(column.type);
    for (const engine::InsertColumn& column : insert.columns) {
      const int index = target->schema.index_of(column.name.text);
      types.push_back(index >= 0 ? target->schema.columns[static_cast<size_t>(index)].type
                                 : engine::SqlType(engine::TypeKind::Bigint));
    }
    for (const engine::ExpressionList& row : insert.rows)
      for (size_t i = 0; i < row.size() && i < types.size(); ++i)
        if (const auto* parameter = row[i]->as<engine::Parameter>())
          if (out.parameters[static_cast<size_t>(parameter->index) - 1].is_null())
            out.parameters[static_cast<size_t>(parameter->index) - 1] = types[i];
  }
  for (engine::SqlType& type : out.parameters)
    if (type.is_null()) type = engine::TypeKind::String;
  return {};
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start(
    const std::shared_ptr<const sql::Prepared>& any, std::vector<engine::Value> parameters,
    sql::Receiver& receiver) {
  const auto prepared = std::static_pointer_cast<const SqlPrepared>(any);
  const engine::ParsedStatement& statement = *prepared->statement;
  const MetadataImagePtr image = parts_.definitions.image();
  const SnapshotTopics topics(*image->topics);
  std::vector<engine::ParameterSlot> slots = slots_of(prepared->parameters);
  for (size_t i = 0; i < slots.size() && i < parameters.size(); ++i)
    slots[i].value = std::move(parameters[i]);
  const engine::PlanContext context = context_for(*image, topics, &slots);
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  switch (prepared->action) {
    case Action::Define:
      return run_definition(*this, receiver, prepared->statement);
    case Action::Information:
      return run_information(*this, receiver, prepared->statement, image);
    case Action::Insert: {
      engine::InsertBatch rows = TRY(engine::plan_insert_values(
          std::get<engine::InsertValues>(statement.statement), context, eval()));
      const size_t count = rows.timestamps.size();
      if (in_transaction_) {
        RowBuffer* buffer = TRY(held_rows(rows.target));
        TRY(buffer->add(rows.columns, count, rows.timestamps));
        TRY(check_held_rows());
        return run_append(*this, receiver, {}, "INSERT 0", count);
      }
      const std::unique_ptr<RowBuffer> buffer = TRY(make_buffer(rows.target));
      TRY(buffer->add(rows.columns, count, rows.timestamps));
      storage::AppendRequest request;
      buffer->take(request);
      return run_append(*this, receiver, std::move(request), "INSERT 0", count);
    }
    case Action::Constant: {
      const engine::ConstantPlan plan = TRY(engine::plan_constant_query(*query, context));
      std::vector<engine::ColumnPtr> columns;
      for (engine::Evaluated& result : engine::Program(plan.columns).run({}, 1, eval())) {
        if (!result.errors.messages().empty())
          return Error{ErrorCode::InvalidText, result.errors.messages().front().text};
        columns.push_back(std::move(result.column));
      }
      return run_rows(*this, receiver, std::move(columns), 1);
    }
    case Action::Pull:
      return run_pull(*this, receiver, TRY(pull_plan(*prepared, *query, *image, context)), image);
    case Action::StreamToEnd:
      return run_transient(*this, receiver, TRY(engine::plan_push_query(*query, context)), image,
                           TransientEnd::AtPresentEnd);
    case Action::Push:
      return run_transient(*this, receiver, TRY(engine::plan_push_query(*query, context)), image,
                           TransientEnd::Never);
  }
  return Error{ErrorCode::Internal, "a statement of no known kind"};
}

void SqlSession::note_written(const std::vector<storage::AppendedBatch>& batches) {
  for (const storage::AppendedBatch& batch : batches) {
    Offset& end = written_[to_engine(batch.partition)];
    end = std::max(end, batch.last_offset + 1);
  }
}

Result<std::unique_ptr<RowBuffer>> SqlSession::make_buffer(
    const std::shared_ptr<const engine::DataSource>& source) const {
  const MetadataImagePtr image = parts_.definitions.image();
  const storage::TopicInfo* topic = image->topics->find(source->topic);
  if (!topic)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" of {} was deleted", source->topic, source->name)};
  return RowBuffer::make(source, topic->id, topic->partition_count);
}

Result<RowBuffer*> SqlSession::held_rows(const std::shared_ptr<const engine::DataSource>& source) {
  std::unique_ptr<RowBuffer>& buffer = held_[source->name];
  if (!buffer) buffer = TRY(make_buffer(source));
  return buffer.get();
}

Status SqlSession::check_held_rows() {
  size_t size = 0;
  for (const auto& [name, buffer] : held_) size += buffer->size_bytes();
  const auto limit = static_cast<size_t>(parts_.settings.copy_atomic_bytes);
  if (size <= limit && held_charge_.try_resize(size)) return {};
  // The transaction can only be rolled back now: its rows need not stay until then.
  held_.clear();
  held_charge_.resize(0);
  if (size > limit)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the transaction holds more than {}", format_bytes(limit)),
                 "Rows are kept in memory until COMMIT, up to copy-atomic-bytes.",
                 "Commit in smaller portions, COPY outside of a transaction, or raise "
                 "copy-atomic-bytes."};
  return memory_->refusal(fmt::format("a transaction of {}", format_bytes(size)));
}

void SqlSession::begin() { in_transaction_ = true; }

std::unique_ptr<sql::Execution> SqlSession::commit(sql::Receiver& receiver) {
  in_transaction_ = false;
  storage::AppendRequest request;
  for (auto& [name, buffer] : held_) buffer->take(request);
  held_.clear();
  held_charge_.resize(0);
  return run_append(*this, receiver, std::move(request), "COMMIT", std::nullopt);
}

void SqlSession::rollback() {
  in_transaction_ = false;
  held_.clear();
  held_charge_.resize(0);
}

Result<std::unique_ptr<sql::CopyIn>> SqlSession::begin_copy(const sql::CopyTarget& target,
                                                            sql::CopyReceiver& receiver) {
  return start_copy(*this, *parts_.definitions.image(), target, receiver);
}

}  // namespace server
