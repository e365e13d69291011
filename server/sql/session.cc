#include "server/sql/session.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/catalog/statement_settings.h"
#include "engine/functions/session_zone.h"
#include "engine/sql/likely_mistakes.h"
#include "engine/sql/parse.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "server/metadata/cluster_limits.h"
#include "server/sql/access/audited_start.h"
#include "server/sql/dry_run.h"
#include "server/sql/execution.h"
#include "server/sql/log_rows/followed_records.h"
#include "server/sql/read/information_facts.h"
#include "server/sql/read_only.h"
#include "server/sql/search_path.h"
#include "server/sql/serial/fixed_defaults.h"
#include "server/sql/serial/sequence_advance.h"
#include "server/sql/serial/sequence_rows.h"
#include "server/sql/serial/serial_look_up.h"
#include "server/sql/sleep.h"
#include "server/sql/write/copy_in.h"

namespace server {

namespace {

using Action = SqlPrepared::Action;

class WorkerErrand final : public sql::Errand {
 public:
  ~WorkerErrand() override { *is_cancelled = true; }
  const std::shared_ptr<std::atomic<bool>> is_cancelled =
      std::make_shared<std::atomic<bool>>(false);
};

// Returns the number that distinguishes this role from earlier roles of the same name; nothing if
// no role of that name may log in.
std::optional<uint64_t> incarnation_of(const storage::Users& users, const std::string& role) {
  const auto found = users.roles.find(role);
  if (found == users.roles.end() || !found->second.may_login) return std::nullopt;
  return found->second.incarnation;
}

// Returns the names of existing tables whose definition the statement changes, as the statement
// writes them.
std::vector<engine::Name> names_changed_by(const engine::Statement& statement) {
  std::vector<engine::Name> names;
  if (const auto* drop = std::get_if<engine::DropSource>(&statement)) names.push_back(drop->name);
  if (const auto* drops = std::get_if<engine::DropSources>(&statement))
    for (const engine::DropSource& each : drops->drops) names.push_back(each.name);
  if (const auto* truncate = std::get_if<engine::Truncate>(&statement))
    for (const engine::TableName& each : truncate->tables) names.push_back(each.name);
  if (const auto* add_key = std::get_if<engine::AddPrimaryKey>(&statement))
    names.push_back(add_key->table.name);
  if (const auto* columns = std::get_if<engine::AlterColumns>(&statement))
    names.push_back(columns->table.name);
  if (const auto* value = std::get_if<engine::AlterDefault>(&statement))
    names.push_back(value->table.name);
  if (const auto* alter = std::get_if<engine::AlterSource>(&statement))
    names.push_back(alter->name);
  if (const auto* create = std::get_if<engine::CreateSource>(&statement);
      create && create->or_replace && !create->is_temporary)
    names.push_back(create->name);
  return names;
}

// Fails if the path names an existing schema other than public. A name without a schema is one of
// schema public, so with such a path the name would mean another table than the client expects.
// Names of schemas that do not exist are ignored, as in PostgreSQL.
Status check_search_path(std::string_view path, const engine::Catalog& catalog) {
  for (const std::string& part : sql::names_of_search_path(path)) {
    const std::string upper = engine::upper_case(part);
    if (upper == "PUBLIC") continue;
    if (catalog.schemas.contains(upper) || catalog.schemas.contains(part))
      return Error{ErrorCode::NotSupported,
                   fmt::format("search_path with the schema \"{}\" is not supported yet", part),
                   {},
                   "Write the schema before the table: schema.table."};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<sql::SessionBackend>> SqlBackend::open_session(
    const sql::SessionInfo& info, const sql::SessionSettings& settings) {
  auto session = std::make_unique<SqlSession>(parts_, shard_, settings, info.memory,
                                              info.has_rights_of_user ? Asker(info.user) : Asker(),
                                              info.database, info.user, info.open_queries);
  session->set_access(info.is_read_only, info.on_change);
  return std::unique_ptr<sql::SessionBackend>(std::move(session));
}

SqlSession::SqlSession(SqlParts& parts, Shard& shard, const sql::SessionSettings& settings,
                       MemoryAccount* memory, Asker asker, std::string database, std::string user,
                       size_t* open_queries)
    : parts_(parts),
      shard_(shard),
      settings_(settings),
      open_statements_(open_queries ? *open_queries : own_open_statements_),
      memory_(memory),
      asker_(std::move(asker)),
      incarnation_(asker_ ? incarnation_of(*parts.definitions.image()->users, *asker_).value_or(0)
                          : 0),
      database_(database.empty() ? "millrace" : std::move(database)),
      user_(user.empty() ? "millrace" : std::move(user)) {}

Status SqlSession::check_asker() const {
  if (!asker_ || incarnation_of(*parts_.definitions.image()->users, *asker_) == incarnation_)
    return {};
  return Error{ErrorCode::InvalidAuthorization,
               fmt::format("role \"{}\" was dropped, or can no longer log in", *asker_)};
}

SqlSession::~SqlSession() {
  rollback();
  discard_temporary();
}

WriterTurns SqlSession::take_turns() {
  if (!turns_.empty()) parts_.turns.disown(this);
  row_locks_.clear();
  return std::exchange(turns_, {});
}

// Drops all temporary tables. The session does not wait for the DROP. If it fails, the next start
// drops the left-over tables.
void SqlSession::discard_temporary() {
  if (auto drop = temporary_.drop_all())
    parts_.definitions.submit(std::move(drop), engine::Properties(),
                              [](const Result<DefinitionOutcome>&) {});
  temporary_ = no_temporary_tables();
}

TemporaryTables SqlSession::no_temporary_tables() const {
  return TemporaryTables(parts_.definitions.facts().node_number());
}

engine::Properties properties_of(const sql::SessionSettings& settings, const MetadataImage& image,
                                 bool speaks_ksqldb) {
  engine::Properties properties = settings.properties();
  engine::unfold_streams_prefix(properties);
  // Settings for the display of rows, and values that the client keeps under names of its own, are
  // left out: they do not change the meaning of a statement.
  std::erase_if(properties,
                [](const auto& entry) { return !engine::is_statement_setting(entry.first); });
  const engine::Properties& system = image.catalog->system_properties;
  properties.insert(system.begin(), system.end());
  if (speaks_ksqldb) return properties;
  if (settings.get(engine::kUnenforcedConstraints) == "on")
    properties[std::string(engine::kUnenforcedConstraints)] = "on";
  constexpr std::pair<std::string_view, std::string_view> kForms[] = {
      {engine::kZoneProperty, "UTC"},
      {engine::kDateStyleProperty, "ISO, MDY"},
      {engine::kIntervalStyleProperty, "postgres"}};
  for (const auto& [name, usual] : kForms)
    if (auto value = settings.get(name); value && *value != usual)
      properties[std::string(name)] = *std::move(value);
  return properties;
}

engine::Properties SqlSession::properties() const {
  return properties_of(settings_, *parts_.definitions.image(), speaks_ksqldb());
}

SqlSession::DryRun SqlSession::dry_run(
    std::vector<std::shared_ptr<const engine::ParsedStatement>> statements) {
  return [run = server::DryRun{parts_, settings_, asker_, std::move(statements)}](
             const std::atomic<bool>& is_cancelled) { return run_dry(run, is_cancelled); };
}

int64_t SqlSession::setting_ms(const std::string& name, int64_t otherwise) const {
  if (settings_.get(name)) return settings_.get_ms(name);
  const engine::Properties& system = parts_.definitions.image()->catalog->system_properties;
  const auto found = system.find(name);
  return found == system.end() ? otherwise : sql::SessionSettings::to_ms(found->second);
}

bool SqlSession::reads_prefix() const {
  std::optional<std::string> value = settings_.get("read.consistency");
  if (!value) {
    const engine::Properties& system = parts_.definitions.image()->catalog->system_properties;
    if (const auto found = system.find("read.consistency"); found != system.end())
      value = found->second;
  }
  return value == "prefix";
}

int64_t SqlSession::read_wait_ms() const {
  return setting_ms("read.wait.ms", parts_.settings.read_wait_ms);
}
int64_t SqlSession::open_wait_ms() const {
  return setting_ms("read.wait.ms", parts_.settings.open_wait_ms());
}

Status SqlSession::check_setting(const std::string& name, const std::string& value) {
  if (name == "search_path") return check_search_path(value, *parts_.definitions.image()->catalog);
  TRY(engine::check_statement_setting(name, value, sql::SessionSettings::known_names()));
  return check_setting_in_cluster(name, value, parts_.definitions.facts());
}

Status SqlSession::check_property(const std::string& name, const std::string& value) {
  TRY(engine::check_property(name, value, sql::SessionSettings::known_names()));
  return check_setting_in_cluster(name, value, parts_.definitions.facts());
}

std::optional<engine::SqlType> SqlSession::type_of_oid(uint32_t number) const {
  const auto image = parts_.definitions.image();
  for (const auto& [name, type] : image->catalog->types) {
    if (type.label() != engine::label::kEnum && type.label() != engine::label::kComposite) continue;
    if (engine::user_type_oid(name) == number) return type;
    if (engine::user_array_oid(name) == number) return engine::SqlType::array(type);
  }
  return std::nullopt;
}

bool SqlSession::speaks_ksqldb() const { return parts_.settings.engine.ksqldb_compat; }

std::unique_ptr<Planner> SqlSession::planner() const {
  auto planner =
      std::make_unique<Planner>(parts_.clock, parts_.settings, parts_.definitions.image(),
                                properties(), &parts_.memory, asker_);
  planner->use(parts_.serials, sequences_);
  planner->use(sequences_);
  planner->use(catalog_names_of(planner->image(), asker(), user(), temporary_.schema()));
  planner->use(temporary_.names());
  if (!held_.empty()) {
    std::set<std::string> held;
    for (const auto& [name, buffer] : held_)
      if (holds(name)) held.insert(name);
    planner->use_held(std::move(held));
  }
  return planner;
}

Result<std::shared_ptr<const sql::Prepared>> SqlSession::prepare(
    std::shared_ptr<const engine::ParsedStatement> statement,
    std::span<const engine::SqlType> parameter_types) {
  TRY(check_asker());
  return TRY(planner()->prepare(std::move(statement), parameter_types));
}

SqlSession::Preparation SqlSession::preparation(
    std::shared_ptr<const engine::ParsedStatement> statement,
    std::span<const engine::SqlType> parameter_types) {
  return
      [planner = std::shared_ptr(planner()), statement = std::move(statement),
       types = std::vector(parameter_types.begin(), parameter_types.end())](
          const std::atomic<bool>& is_cancelled) -> Result<std::shared_ptr<const sql::Prepared>> {
        planner->watch(is_cancelled);
        return TRY(planner->prepare(statement, types));
      };
}

bool SqlSession::takes_long(const engine::ParsedStatement& statement) const {
  return server::takes_long(statement);
}

std::unique_ptr<sql::Errand> SqlSession::run_aside(size_t bytes, Work work,
                                                   std::function<void()> done) {
  auto errand = std::make_unique<WorkerErrand>();
  // `done` belongs to the session, which may end before the work does. So only the session's loop
  // uses `done`, and only if the errand still exists.
  auto job = [is_cancelled = errand->is_cancelled, work = std::move(work), done = std::move(done),
              &loop = shard_.loop()]() mutable {
    if (!*is_cancelled) work(*is_cancelled);
    work = nullptr;  // frees the data of the work, which may be large
    loop.post([is_cancelled, done = std::move(done)] {
      if (!*is_cancelled) done();
    });
  };
  // The job is moved into the queue. If this thread kept a copy, the copy could be the last one, and its data would
  // be destroyed on this loop.
  if (!parts_.workers.try_run(bytes, std::move(job))) return nullptr;
  return errand;
}

Error too_many_waiting() {
  return Error{ErrorCode::TooManyStatements,
               "too many long statements are queued",
               {},
               "Try again in a moment."};
}

namespace {

Error too_many_open(int64_t limit, std::string_view setting) {
  return {ErrorCode::TooManyStatements, "too many queries are open",
          fmt::format("{} is {}.", setting, limit),
          "Close portals and cursors whose rows are not needed, wait for other queries to end, "
          "or raise the setting."};
}

}  // namespace

Result<OpenStatement> SqlSession::open_statement() {
  const SqlSettings& settings = parts_.settings;
  if (open_statements_ >= static_cast<size_t>(settings.max_queries_per_session))
    return too_many_open(settings.max_queries_per_session, "max-queries-per-session");
  // Two loops together can exceed the limit by one. This is acceptable, since the limit only bounds
  // memory.
  if (parts_.open_statements >= static_cast<size_t>(settings.max_open_queries))
    return too_many_open(settings.max_open_queries, "max-open-queries");
  return OpenStatement(open_statements_, parts_.open_statements);
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start(
    const std::shared_ptr<const sql::Prepared>& prepared, std::vector<engine::Value> parameters,
    sql::Receiver& receiver) {
  const auto start = [&](sql::Receiver& to) {
    return start_part(prepared, std::move(parameters), to);
  };
  const auto& statement = static_cast<const SqlPrepared&>(*prepared).statement;
  // A look-up that answer_at_hand() answers has no such notices, because it must be fast.
  for (engine::LikelyMistake& each : engine::likely_mistakes(statement->statement))
    receiver.on_notice(
        {sql::NoticeLevel::Notice, std::move(each.message), {}, std::move(each.hint)});
  if (on_change_ && !sql::changing_command(*statement).empty())
    return sql::start_audited(on_change_, statement, receiver, start);
  return start(receiver);
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start_part(
    const std::shared_ptr<const sql::Prepared>& any, std::vector<engine::Value> parameters,
    sql::Receiver& receiver) {
  const auto prepared = std::static_pointer_cast<const SqlPrepared>(any);
  TRY(check_asker());
  if (is_read_only_) TRY(sql::check_read_only(*prepared->statement));
  if (prepared->point)
    if (auto answered = TRY(point_tables_.answer(*prepared, parameters, receiver))) return answered;
  const bool is_query =
      prepared->kind == sql::ResultKind::Rows || prepared->kind == sql::ResultKind::PushRows;
  if (!is_query) return start_unbounded(prepared, std::move(parameters), receiver);
  // If several sessions of a client share the counter of open queries, a query that ends by itself
  // is counted in its own session and for the server, but not in the shared counter: an HTTP/2
  // client sends a hundred look-ups at the same time, and HTTP/2 limits their number itself.
  const bool counts_alone =
      prepared->kind == sql::ResultKind::Rows && &open_statements_ != &own_open_statements_;
  if (counts_alone &&
      parts_.open_statements >= static_cast<size_t>(parts_.settings.max_open_queries))
    return too_many_open(parts_.settings.max_open_queries, "max-open-queries");
  OpenStatement place = counts_alone ? OpenStatement(own_open_statements_, parts_.open_statements)
                                     : TRY(open_statement());
  auto started = TRY(start_unbounded(prepared, std::move(parameters), receiver));
  static_cast<SqlExecution&>(*started).hold(std::move(place));
  return started;
}

Status SqlSession::check_columns(const sql::Prepared& any) {
  const auto& prepared = static_cast<const SqlPrepared&>(any);
  const Revision now = parts_.definitions.image()->revision;
  if (prepared.columns.empty() || prepared.takes_long || prepared.sleeps) return {};
  if (prepared.revision == now || prepared.checked_at == now) return {};
  const auto anew = TRY(planner()->prepare(prepared.statement, prepared.parameters));
  const auto is_alike = [](const sql::ResultColumn& a, const sql::ResultColumn& b) {
    return a.type == b.type && a.name == b.name;
  };
  if (!std::ranges::equal(prepared.columns, anew->columns, is_alike))
    return Error{ErrorCode::NotSupported, "cached plan must not change result type",
                 "The subject of the statement has been replaced since it was prepared.",
                 "Prepare it again."};
  prepared.checked_at = now;
  return {};
}

bool SqlSession::is_current(const sql::Prepared& any) const {
  return static_cast<const SqlPrepared&>(any).revision == parts_.definitions.image()->revision;
}

Result<bool> SqlSession::answer_at_hand(const sql::Prepared& look_up,
                                        std::span<const engine::Value> parameters,
                                        sql::Receiver& receiver) {
  TRY(check_asker());
  const auto& prepared = static_cast<const SqlPrepared&>(look_up);
  return prepared.point && TRY(point_tables_.answer(prepared, parameters, receiver)) != nullptr;
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start_for_change(const std::string& text,
                                                                     sql::Receiver& receiver) {
  auto parsed = TRY(engine::parse_script(text));
  auto prepared = std::make_shared<SqlPrepared>(*TRY(planner()->prepare(
      std::make_shared<const engine::ParsedStatement>(std::move(parsed.front())), {})));
  prepared->is_for_change = true;
  return start(prepared, {}, receiver);
}

std::shared_ptr<const engine::DataSource> SqlSession::find_source(
    const MetadataImage& image, const engine::Name& written) const {
  const auto& sources = image.catalog->sources();
  const engine::Name name = engine::without_public(written);
  const bool may_be_temporary = !engine::is_in_public(written) && engine::may_name_temporary(name);
  const auto find = [&](const std::string& text) -> std::shared_ptr<const engine::DataSource> {
    const auto own = may_be_temporary ? temporary_.names().find(text) : temporary_.names().end();
    const auto found = sources.find(own == temporary_.names().end() ? text : own->second);
    if (found == sources.end() || (found->second->is_temporary && !temporary_.owns(found->first)))
      return nullptr;
    return found->second;
  };
  if (auto exact = find(name.text); exact || name.quoting == engine::Quoting::Back) return exact;
  return find(name.quoting == engine::Quoting::Double ? absl::AsciiStrToUpper(name.text)
                                                      : absl::AsciiStrToLower(name.text));
}

// Returns the target of an INSERT, UPDATE or DELETE, whose SERIAL columns an INSERT may omit; null
// for other statements.
std::shared_ptr<const engine::DataSource> SqlSession::written_table(
    const SqlPrepared& prepared, const MetadataImage& image) const {
  if (prepared.action == Action::WriteRows) return prepared.write->target;
  if (prepared.action != Action::Insert) return nullptr;
  return find_source(image, std::get<engine::InsertValues>(prepared.statement->statement).target);
}

bool SqlSession::takes_numbers(const SqlPrepared& prepared, const MetadataImage& image) const {
  if (prepared.action != Action::Insert)
    // Only an INSERT is planned on a loop. A statement that waits for numbers of a sequence has to
    // be planned on a worker, and the other statements are planned there in every case.
    return false;
  const auto target = written_table(prepared, image);
  return target && has_sequence_default(*target);
}

std::set<std::string> SqlSession::topics_in_turn(const SqlPrepared& prepared,
                                                 const MetadataImage& image) const {
  std::set<std::string> topics;
  const auto add = [&](const engine::Name& name) {
    const auto source = find_source(image, name);
    if (source && source->kind == engine::SourceKind::Table) topics.insert(source->topic);
  };
  if (prepared.action == Action::WriteRows) topics.insert(prepared.write->target->topic);
  for (const engine::TableName& each : prepared.statement->row_locks.tables) add(each.name);
  for (const engine::Name& name : names_changed_by(prepared.statement->statement)) add(name);
  return topics;
}

std::set<std::string> SqlSession::topics_with_row_locks(const SqlPrepared& prepared,
                                                        const MetadataImage& image) const {
  std::set<std::string> topics;
  for (const engine::TableName& each : prepared.statement->row_locks.tables)
    if (const auto source = find_source(image, each.name);
        source && source->kind == engine::SourceKind::Table)
      topics.insert(source->topic);
  return topics;
}

// Fails if the statement changes a temporary table of another session: for this session that table
// does not exist.
Status SqlSession::check_not_anothers(const engine::Statement& statement,
                                      const MetadataImage& image) const {
  for (const engine::Name& name : names_changed_by(statement)) {
    const auto found = image.catalog->sources().find(name.text);
    if (found != image.catalog->sources().end() && found->second->is_temporary &&
        !find_source(image, name))
      return Error{ErrorCode::UndefinedSource,
                   fmt::format("relation \"{}\" does not exist", engine::display_name(name.text))};
  }
  return {};
}

Result<std::shared_ptr<const SqlPrepared>> SqlSession::renewed(
    const std::shared_ptr<const SqlPrepared>& prepared, const MetadataImage& image) const {
  if (prepared->revision == image.revision) return prepared;
  auto anew = TRY(planner()->prepare(prepared->statement, prepared->parameters));
  const bool has_same_columns = std::ranges::equal(
      anew->columns, prepared->columns, {}, &sql::ResultColumn::type, &sql::ResultColumn::type);
  if (anew->action == prepared->action && anew->parameters == prepared->parameters &&
      has_same_columns)
    return anew;
  return Error{ErrorCode::NotSupported, "cached plan must not change result type",
               "The target of the statement has been replaced since it was prepared.",
               "Prepare it again."};
}

Status SqlSession::check_supported(const SqlPrepared& prepared) const {
  const ClusterFacts& facts = parts_.definitions.facts();
  if (!facts.supports(Feature::TableRewrites) && prepared.action == Action::AddKey)
    return not_in_cluster_yet("an ALTER TABLE that rewrites rows is",
                              "Create another table, and use INSERT ... SELECT to copy the rows.");
  return {};
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start_unbounded(
    const std::shared_ptr<const SqlPrepared>& given, std::vector<engine::Value> parameters,
    sql::Receiver& receiver) {
  TRY(check_supported(*given));
  if (given->sleeps) return run_sleep(*this, receiver, given, std::move(parameters));
  const MetadataImagePtr image = parts_.definitions.image();
  const auto prepared = given->action == Action::WriteRows ? TRY(renewed(given, *image)) : given;
  std::set<std::string> topics = topics_in_turn(*prepared, *image);
  const std::set<std::string> locked = topics_with_row_locks(*prepared, *image);
  if (std::ranges::any_of(topics, [this](const auto& topic) { return !has_turn(topic); }) ||
      std::ranges::any_of(locked, [this](const auto& topic) { return !has_row_lock(topic); }))
    return run_in_turn(*this, receiver, prepared, std::move(parameters), std::move(topics), locked);
  // TRUNCATE without rows would replace the topic. In a cluster not all nodes would learn of the
  // new topic at the same time, and rows that they write in the meantime would be lost with the old
  // topic.
  if ((in_transaction_ || !parts_.definitions.facts().supports(Feature::TopicReplacement)) &&
      std::holds_alternative<engine::Truncate>(prepared->statement->statement))
    return run_truncate_rows(*this, receiver, prepared->statement);
  TRY(check_not_anothers(prepared->statement->statement, *image));
  if (const auto* create = std::get_if<engine::CreateSource>(&prepared->statement->statement))
    TRY(planner()->check_defaults(create->elements));
  if (const auto* alter = std::get_if<engine::AlterColumns>(&prepared->statement->statement))
    TRY(planner()->check_defaults(alter->added));
  if (const auto* alter = std::get_if<engine::AlterDefault>(&prepared->statement->statement))
    TRY(planner()->check_default(*alter));
  const auto with_defaults = [&] {
    return with_fixed_defaults(prepared->statement, *image->catalog,
                               engine::session_forms(properties()));
  };
  if (const auto* create = std::get_if<engine::CreateAsSelect>(&prepared->statement->statement);
      create && create->is_temporary)
    return run_temporary_as(*this, receiver, prepared->statement);
  if (prepared->action == Action::Define) return run_definition(*this, receiver, with_defaults());
  if (const auto table = written_table(*prepared, *image))
    if (auto look_up = SerialLookUp::make(*this, *image, *table))
      return run_after_look_up(*this, receiver, std::move(look_up), prepared,
                               std::move(parameters));
  if (auto look_up = SerialLookUp::make_for_calls(*this, *image, *prepared, parameters))
    return run_after_look_up(*this, receiver, std::move(look_up), prepared, std::move(parameters));
  if (prepared->action == Action::WriteRows)
    return run_rows_write(*this, receiver, prepared, std::move(parameters));
  if (prepared->action == Action::AddKey) return run_add_key(*this, receiver, with_defaults());
  if (prepared->action == Action::Information)
    return run_information(*this, receiver, prepared->statement, parts_.definitions.image());
  if (prepared->action == Action::Assert)
    return run_assertion(*this, receiver, prepared->statement);
  if (prepared->action == Action::Connector)
    return run_connector_statement(*this, receiver, prepared->statement, InformationForm::Rows);
  if (prepared->action == Action::Link)
    return run_link_statement(*this, receiver, prepared->statement, InformationForm::Rows);
  if (prepared->action == Action::Topic)
    return run_topic_statement(*this, receiver, prepared->statement);
  if (prepared->action == Action::Refresh)
    return run_refresh(*this, receiver,
                       std::get<engine::RefreshView>(prepared->statement->statement));
  return start_again({prepared, std::move(parameters)}, receiver);
}

Result<std::unique_ptr<sql::Execution>> SqlSession::start_again(StatementBegun begun,
                                                                sql::Receiver& receiver) {
  std::unique_ptr<Planner> planner = this->planner();
  if (begun.prepared->takes_long || take_long(begun.parameters) ||
      takes_numbers(*begun.prepared, *planner->image()))
    return run_planned_aside(*this, receiver, std::move(planner), std::move(begun));
  PlannedStatement planned = TRY(planner->plan(*begun.prepared, parameters_for(begun)));
  return run(std::move(planned), std::move(begun), planner->image(), receiver);
}

std::vector<engine::Value> parameters_for(StatementBegun& begun) {
  const bool may_begin_again =
      begun.prepared->action == Action::Pull || begun.prepared->action == Action::Select;
  return may_begin_again ? begun.parameters : std::move(begun.parameters);
}

std::unique_ptr<sql::Execution> SqlSession::start_entity(
    const std::shared_ptr<const engine::ParsedStatement>& statement, sql::Receiver& receiver) {
  if (shows_connectors(statement->statement) || shows_links(statement->statement)) {
    if (Status asker = check_asker(); !asker) {
      receiver.on_error(std::move(asker).error());
      return nullptr;
    }
    auto run = shows_links(statement->statement)
                   ? run_link_statement(*this, receiver, statement, InformationForm::Entity)
                   : run_connector_statement(*this, receiver, statement, InformationForm::Entity);
    if (run) return *std::move(run);
    receiver.on_error(std::move(run).error());
    return nullptr;
  }
  if (!engine::is_information_statement(statement->statement)) return nullptr;
  return run_information(*this, receiver, statement, parts_.definitions.image(),
                         InformationForm::Entity);
}

Result<std::unique_ptr<sql::Execution>> SqlSession::run(PlannedStatement planned,
                                                        StatementBegun begun,
                                                        MetadataImagePtr image,
                                                        sql::Receiver& receiver) {
  const SqlPrepared& prepared = *begun.prepared;
  if (auto* constants = std::get_if<ConstantRows>(&planned))
    return run_rows(*this, receiver, std::move(constants->columns), constants->rows);
  if (auto* look_up = std::get_if<LookUp>(&planned))
    return run_pull(*this, receiver, std::move(begun), std::move(*look_up), std::move(image));
  if (auto* select = std::get_if<SelectRows>(&planned))
    return run_select(*this, receiver, std::move(begun), std::move(*select), std::move(image));
  if (auto* query = std::get_if<engine::PlannedQuery>(&planned);
      query && prepared.action == Action::Print)
    return run_print(*this, receiver, std::move(*query), std::move(image),
                     std::get<engine::Print>(prepared.statement->statement).interval.value_or(1));
  if (auto* query = std::get_if<engine::PlannedQuery>(&planned))
    return run_transient(
        *this, receiver, std::move(*query), std::move(image),
        prepared.action == Action::Push ? TransientEnd::Never : TransientEnd::AtPresentEnd);
  if (auto* follow = std::get_if<FollowedSelect>(&planned); follow && follows_records(*follow))
    return run_records_follow(*this, receiver, std::move(*follow));
  if (auto* follow = std::get_if<FollowedSelect>(&planned))
    return run_follow(*this, receiver, prepared, std::move(*follow));
  auto& insert = std::get<InsertRows>(planned);
  TRY(check_is_read(*image, insert.buffer->source()));
  if (parts_.sequences.is_shared() && !insert.given.empty())
    return run_after_passing(*this, receiver, std::move(insert));
  return write(std::move(insert), receiver);
}

Result<std::unique_ptr<sql::Execution>> SqlSession::write(InsertRows insert,
                                                          sql::Receiver& receiver) {
  std::unique_ptr<RowBuffer>& rows = insert.buffer;
  const uint64_t count = rows->rows();
  if (auto notice = rows->take_notice()) receiver.on_notice(*std::move(notice));
  storage::AppendRequest request;
  if (in_transaction_) {
    std::unique_ptr<RowBuffer>& held = held_[rows->source().name];
    if (held)
      TRY(held->absorb(*rows));
    else
      held = std::move(rows);
    TRY(check_held_rows());
  } else {
    rows->take(request);
  }
  return run_append(*this, receiver, std::move(request), "INSERT 0", count,
                    std::move(insert.returned));
}

void SqlSession::note_written(const std::vector<storage::AppendedBatch>& batches) {
  passed_.clear();
  for (const storage::AppendedBatch& batch : batches) {
    Offset& end = written_[to_engine(batch.partition)];
    end = std::max(end, batch.last_offset + 1);
  }
}

const MaterializerPlaces& SqlSession::places_of(
    const std::shared_ptr<const DefinedQuery>& materializer, const MetadataImage& image) {
  if (last_places_.query == materializer && last_places_.revision == image.revision)
    return last_places_;
  last_places_ = {
      materializer, image.revision, materializing_task_count(*materializer, *image.topics), {}};
  std::set<Shard*> shards;
  for (size_t i = 0; i < last_places_.tasks; ++i)
    shards.insert(&parts_.queries.shard_for(materializer->plan->id, static_cast<int32_t>(i)));
  // The order of the shards must always be the same, since it decides the order of the rows.
  for (Shard* shard : parts_.queries.shards())
    if (shards.contains(shard)) last_places_.shards.push_back(shard);
  return last_places_;
}

// Fails if the target can no longer be read. If a topic was deleted and created again under the same name, it is
// another topic: a table over the deleted topic never shows rows that are written to the new topic.
Status SqlSession::check_is_read(const MetadataImage& image,
                                 const engine::DataSource& target) const {
  TRY(check_not_made_elsewhere(target.topic, image, defining_ ? &defining_->id : nullptr));
  if (target.kind != engine::SourceKind::Table) return {};
  const DefinedQuery* keeper = image.materializer_of(target);
  if (!keeper) return {};
  // A node without a replica does not read the table, so it cannot check this. It sends the rows to the leader.
  const storage::TopicInfo* topic = image.topics->find(target.topic);
  if (topic != nullptr && !parts_.cluster->has_replica({topic->id, PartitionId{0}})) return {};
  const auto trouble = parts_.supervisor.trouble_of(keeper->query->id);
  if (!trouble || trouble->code != ErrorCode::UnknownTopic) return {};
  return Error{ErrorCode::ObjectState,
               fmt::format("cannot insert into table {}: it can no longer be read", target.name),
               trouble->message, "DROP TABLE, and create it again."};
}

Result<std::unique_ptr<RowBuffer>> SqlSession::make_buffer(
    const std::shared_ptr<const engine::DataSource>& source) const {
  const MetadataImagePtr image = parts_.definitions.image();
  TRY(check_insert(*image->users, asker_, *source));
  TRY(check_writable(*image, *source));
  TRY(check_is_read(*image, *source));
  return make_row_buffer(*image, source, parts_.clock, parts_.settings);
}

Result<RowBuffer*> SqlSession::held_rows(const std::shared_ptr<const engine::DataSource>& source) {
  std::unique_ptr<RowBuffer>& buffer = held_[source->name];
  if (!buffer) buffer = TRY(make_buffer(source));
  return buffer.get();
}

// For each partition, stores the smallest offset up to which the transaction has read. If the transaction has read
// several times, the commit must detect all rows that other sessions have written after the first read.
void SqlSession::note_held_read(const Uuid& topic) {
  for (const auto& [partition, end] : read_ends_) {
    if (partition.topic != topic) continue;
    const auto [known, is_new] = held_read_ends_.emplace(partition, end);
    if (!is_new) known->second = std::min(known->second, end);
  }
}

Result<HeldBatches> SqlSession::held_batches(const engine::DataSource& table, const Uuid& topic) {
  RowBuffer& buffer = *held_.at(table.name);
  if (buffer.topic() == topic) return buffer.batches();
  return Error{
      ErrorCode::ObjectState,
      fmt::format("{} was emptied or recreated since the transaction wrote to it", table.name),
      {},
      "Use ROLLBACK, and repeat the transaction."};
}

Status SqlSession::check_held_rows() {
  size_t size = 0;
  for (const auto& [name, buffer] : held_) size += buffer->size_bytes();
  const auto limit = static_cast<size_t>(parts_.settings.copy_atomic_bytes);
  if (size <= limit && held_charge_.try_resize(size)) return {};
  // From now on the transaction can only be rolled back, so the memory of its rows is freed.
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

void SqlSession::begin(Begun by) {
  in_transaction_ = true;
  begun_ = by;
  sequences_->note_transaction(true);
}

namespace {

struct HeldMark final : sql::SessionBackend::Savepoint {
  std::map<std::string, RowBuffer::Mark> tables;
};

}  // namespace

std::unique_ptr<sql::SessionBackend::Savepoint> SqlSession::savepoint() {
  auto mark = std::make_unique<HeldMark>();
  for (const auto& [name, buffer] : held_)
    if (buffer) mark->tables.emplace(name, buffer->mark());
  return mark;
}

Status SqlSession::rollback_to(const Savepoint& savepoint) {
  const auto& tables = static_cast<const HeldMark&>(savepoint).tables;
  for (const auto& [name, mark] : tables) {
    const auto found = held_.find(name);
    if (found == held_.end() || !found->second || !found->second->may_go_back(mark))
      return Error{ErrorCode::ObjectState,
                   "the rows from before the savepoint are no longer held",
                   {},
                   "Use ROLLBACK to end the whole transaction."};
  }
  std::erase_if(held_, [&](auto& held) {
    const auto mark = tables.find(held.first);
    if (mark == tables.end()) return true;
    held.second->go_back(mark->second);
    return false;
  });
  return check_held_rows();
}

DefiningTransactionPtr SqlSession::defining_transaction() {
  if (in_transaction_ && !defining_) {
    defining_ = std::make_shared<DefiningTransaction>();
    temporary_before_ = temporary_;
  }
  return defining_;
}

bool SqlSession::has_lost_row_lock() const {
  return std::ranges::any_of(row_locks_, [](const auto& each) {
    const auto hold = each.lock();
    return hold && hold->is_lost();
  });
}

std::unique_ptr<sql::Execution> SqlSession::commit(sql::Receiver& receiver) {
  in_transaction_ = false;
  sequences_->note_transaction(false);
  if (has_lost_row_lock()) return run_lost_locks(*this, receiver);
  storage::AppendRequest request;
  for (auto& [name, buffer] : held_)
    if (buffer) buffer->take(request);
  held_.clear();
  held_charge_.resize(0);
  temporary_before_.reset();
  return run_commit(*this, receiver, std::move(request), begun_, std::exchange(held_read_ends_, {}),
                    take_turns(), std::exchange(defining_, nullptr));
}

std::unique_ptr<sql::Execution> SqlSession::await_rollback(sql::Receiver& receiver) {
  return undoing_ ? run_await_undo(*this, receiver, std::exchange(undoing_, nullptr)) : nullptr;
}

void SqlSession::rollback() {
  in_transaction_ = false;
  sequences_->note_transaction(false);
  if (const DefiningTransactionPtr transaction = std::exchange(defining_, nullptr)) {
    temporary_ = *std::exchange(temporary_before_, std::nullopt);
    undoing_ = std::make_shared<Undoing>();
    parts_.definitions.end(transaction, TransactionEnd::Rollback,
                           [undoing = undoing_, &loop = shard_.loop()](const Status& undone) {
                             if (!undone)
                               log_error("cannot roll back definitions error=\"{}\"",
                                         undone.error().message);
                             loop.post([undoing] {
                               undoing->is_done = true;
                               if (undoing->told) undoing->told();
                             });
                           });
  }
  give_up_turns();
  held_read_ends_.clear();
  held_.clear();
  held_charge_.resize(0);
}

Result<std::unique_ptr<sql::CopyIn>> SqlSession::begin_copy(const sql::CopyTarget& target,
                                                            sql::CopyReceiver& receiver) {
  TRY(check_asker());
  if (is_read_only_) return sql::read_only_error("COPY FROM");
  return start_copy(*this, *parts_.definitions.image(), target, receiver);
}

}  // namespace server
