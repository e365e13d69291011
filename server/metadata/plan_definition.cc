#include "server/metadata/plan_definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "engine/catalog/statement_settings.h"
#include "engine/formats/format.h"
#include "engine/plan/alter_columns.h"
#include "engine/plan/constraints.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/plan_json.h"
#include "engine/plan/primary_key.h"
#include "engine/plan/query_plan.h"
#include "engine/plan/sequence_plan.h"
#include "engine/plan/serial_columns.h"
#include "engine/plan/source_formats.h"
#include "engine/plan/source_schema.h"
#include "engine/plan/topic_name.h"
#include "engine/plan/upgrade_query.h"
#include "engine/plan/view_target.h"
#include "engine/plan/window_plan.h"
#include "engine/types/ascii.h"
#include "server/metadata/apply_command.h"
#include "server/metadata/cluster_limits.h"
#include "server/metadata/name_hints.h"
#include "server/metadata/open_definitions.h"
#include "server/metadata/plan_users.h"
#include "server/metadata/plan_view.h"
#include "server/metadata/query_topics.h"
#include "storage/log/task_journal.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

// Returns whether the table has a timestamp as a key column. Programs for PostgreSQL use now() as a
// unique key, because PostgreSQL's now() counts microseconds. Millrace's now() counts milliseconds,
// so two rows may get the same key.
bool has_key_of_times(const engine::DataSource& source) {
  return source.kind == engine::SourceKind::Table &&
         std::ranges::any_of(source.schema.columns, [](const engine::ColumnDef& column) {
           return column.role == engine::ColumnRole::Key &&
                  column.type.kind() == engine::TypeKind::Timestamp;
         });
}

std::string schema_that(std::string_view name, std::string_view what) {
  return fmt::format("schema \"{}\" {}", engine::display_name(name), what);
}

using engine::ParsedStatement;
using engine::PlannedQuery;
using engine::Properties;

// The effects of a statement, before ids are assigned.
struct Effect {
  std::vector<DefinitionChange> changes;
  std::vector<engine::TopicDescription> new_topics;
  std::vector<std::string> dropped_topics;
  std::optional<PlannedQuery> started;
  engine::QueryKind started_kind = engine::QueryKind::CreateAs;
  // the old query, whose positions and state the new query takes over
  DefinedQueryPtr replaced = {};
  // whether the rows of the topic are written again, because look-ups with the new plan return
  // other rows than the old plan has written
  bool shows_again = false;
  // For a query that is built to replace another one: the definition of the sink after the switch.
  std::shared_ptr<const engine::DataSource> rebuilt_sink = {};
  // Changed or dropped tables. The hidden queries that materialize them end.
  std::vector<std::string> changed_tables;
  std::vector<std::string> notices;
  bool is_nothing = false;
};

bool starts_at_latest(const Properties& properties) {
  const auto reset = properties.find("auto.offset.reset");
  return reset != properties.end() && reset->second == "latest";
}

struct Planner {
  const MetadataImage& image;
  const engine::Topics& topics;
  const engine::EngineSettings& settings;
  const Properties& properties;
  const ParsedStatement& statement;
  engine::Registrar& registrar;
  const std::function<Status(const engine::DataSource&)>& may_read;
  const RekeyedTable* rekeyed;
  const std::function<Uuid()>& new_id;
  const Asker& asker;
  const ClusterFacts& facts;

  engine::PlanContext context() const {
    return {.catalog = *image.catalog,
            .topics = topics,
            .settings = settings,
            .properties = properties,
            .fold_quoted_names = !settings.ksqldb_compat,
            .registrar = &registrar,
            .may_read = &may_read};
  }

  Result<Effect> operator()(const engine::CreateSource& create) const {
    TRY(check_schema_of(create.name, create.name_position));
    TRY(check_no_sequence(create.name, create.name_position));
    TRY(check_keeps_view(create.name, create.or_replace, create.name_position));
    const engine::TopicCheck may_declare = [&](const std::string& topic) {
      return check_declare(*image.users, asker, topic);
    };
    engine::NewSource planned = TRY(engine::plan_create_source(
        create, statement, *image.catalog, topics, settings, properties, &registrar, &may_declare));
    Effect effect;
    effect.notices = std::move(planned.notices);
    effect.is_nothing = planned.source == nullptr;
    if (effect.is_nothing) return effect;
    if (planned.new_topic) effect.new_topics.push_back(std::move(*planned.new_topic));
    effect.changed_tables.push_back(planned.source->name);
    if (!settings.ksqldb_compat && has_key_of_times(*planned.source))
      effect.notices.emplace_back(
          "timestamps have millisecond precision: of rows whose keys differ by less than that, "
          "only the last one is kept");
    effect.changes.push_back(PutSource{planned.source});
    return with_generator(std::move(effect), std::move(planned));
  }

  Result<Effect> operator()(const engine::CreateAsSelect& create) const {
    TRY(check_schema_of(create.name, create.name_position));
    TRY(check_no_sequence(create.name, create.name_position));
    TRY(check_keeps_view(create.name, create.or_replace, create.name_position));
    Result<PlannedQuery> made = engine::plan_create_as(create, statement, context());
    if (!made && facts.supports(Feature::MaterializedViews))
      return with_view_hint(std::move(made).error(), create, statement, context());
    PlannedQuery planned = TRY(std::move(made));
    Effect effect;
    effect.is_nothing = planned.if_not_exists_hit;
    if (effect.is_nothing) {
      effect.notices.push_back(fmt::format("{} already exists, skipping", create.name.text));
      return effect;
    }
    effect.notices = planned.notices;
    const engine::DataSource* existing = image.catalog->find_source(create.name.text);
    // In a cluster, each follower holds whole tables in memory. If KeptWindows is therefore not
    // supported, windows are kept only as long as the plan requires.
    if (!settings.ksqldb_compat && facts.supports(Feature::KeptWindows))
      engine::keep_windows(planned.plan, create.query, source_retention_ms(planned.plan));
    if (!planned.rebuilds.empty()) return rebuild(std::move(effect), std::move(planned));
    effect.changes.push_back(PutSource{planned.sink});
    if (const DefinedQueryPtr old = existing ? image.find_query(existing->created_by) : nullptr) {
      engine::keep_windows_of(*old->plan, planned.plan, create.query);
      return replace(std::move(effect), old, std::move(planned));
    }
    if (existing && !facts.supports(Feature::QueryReplacesSource))
      return not_in_cluster_yet("replacing a definition that no query writes with a query is",
                                kDropAndCreate);
    if (existing) effect.changed_tables.push_back(existing->name);
    return with_query(std::move(effect), std::move(planned), engine::QueryKind::CreateAs);
  }

  Result<Effect> operator()(const engine::InsertSelect& insert) const {
    return with_query({}, TRY(engine::plan_insert_select(insert, statement, context())),
                      engine::QueryKind::InsertInto);
  }

  Result<Effect> operator()(const engine::DropSource& drop) const {
    TRY(check_not_materialized(drop));
    return drop_source(drop, {});
  }
  // Returns the catalog without the queries of the other views that the statement drops, so that these queries do not
  // count as readers that prevent the drop.
  engine::CatalogPtr without_views(const std::set<std::string>& dropped,
                                   const std::string& except) const {
    auto reduced = std::make_shared<engine::Catalog>(*image.catalog);
    for (const std::string& name : dropped) {
      const engine::DataSource* source = image.catalog->find_source(name);
      if (name != except && source && image.catalog->is_view(*source))
        reduced->erase_query(source->created_by);
    }
    return reduced;
  }
  // Adds the materialized views that read the dropped relations, directly or through other views.
  void add_reading_views(std::vector<engine::DropSource>& drops,
                         std::vector<std::string>& notices) const {
    for (size_t i = 0; i < drops.size(); ++i) {
      const engine::DropSource drop = drops[i];
      for (const std::string& id : image.catalog->readers_of(drop.name.text)) {
        const engine::PersistentQuery& query = *image.catalog->find_query(id);
        const auto is_known = [&](const engine::DropSource& other) {
          return other.name.text == query.sink;
        };
        if (query.kind != engine::QueryKind::View || std::ranges::any_of(drops, is_known)) continue;
        drops.push_back({engine::SourceKind::Table,
                         false,
                         false,
                         {query.sink, engine::Quoting::Back},
                         drop.name_position});
        notices.push_back(
            fmt::format("drop cascades to materialized view {}", engine::display_name(query.sink)));
      }
    }
  }
  Result<Effect> drop_source(const engine::DropSource& drop,
                             const std::set<std::string>& dropped_with_it) const {
    std::set<std::string> not_counted = dropped_with_it;
    for (const auto& [name, other] : image.catalog->sources())
      if (is_without_rights(*image.users, *other)) not_counted.insert(name);
    const engine::CatalogPtr catalog = without_views(dropped_with_it, drop.name.text);
    engine::CatalogChange change = TRY(engine::plan_drop_source(drop, catalog, not_counted));
    const bool is_nothing = change.catalog == catalog;
    Effect effect = of(std::move(change));
    effect.is_nothing = is_nothing;
    if (effect.is_nothing) return effect;
    effect.changed_tables.push_back(drop.name.text);
    effect.changes.push_back(EraseSource{drop.name.text});
    for (const engine::SequencePtr& owned : engine::sequences_of(*image.catalog, drop.name.text))
      effect.changes.push_back(EraseSequence{owned->name});
    for (const std::string& topic : effect.dropped_topics)
      for (const engine::Side side : {engine::Side::Key, engine::Side::Value})
        if (!registrar.is_outside() || names_schema(drop.name.text, side))
          registrar.drop_subject(topic, side);
    return effect;
  }
  Result<Effect> operator()(const engine::DropSources& all) const {
    for (const engine::DropSource& drop : all.drops) TRY(check_not_materialized(drop));
    return drop_all(all);
  }
  Result<Effect> drop_all(const engine::DropSources& all) const {
    Effect effect;
    std::vector<engine::DropSource> drops = all.drops;
    if (all.cascade) add_reading_views(drops, effect.notices);
    std::set<std::string> all_names, names;
    for (const engine::DropSource& drop : drops) all_names.insert(drop.name.text);
    for (const engine::DropSource& drop : drops) {
      if (!names.insert(drop.name.text).second) continue;
      Effect one = TRY(drop_source(drop, all_names));
      append(effect.changes, std::move(one.changes));
      append(effect.dropped_topics, std::move(one.dropped_topics));
      append(effect.changed_tables, std::move(one.changed_tables));
      append(effect.notices, std::move(one.notices));
    }
    effect.is_nothing = effect.changes.empty();
    return effect;
  }
  Result<Effect> create_materialized_view(const engine::CreateView& create) const {
    if (!facts.supports(Feature::MaterializedViews))
      return not_in_cluster_yet("materialized views are",
                                "CREATE TABLE ... AS SELECT keeps the result of many SELECTs.");
    PlannedQuery planned = TRY(plan_materialized(create, statement, context()));
    Effect effect;
    effect.is_nothing = planned.if_not_exists_hit;
    if (effect.is_nothing) {
      effect.notices.push_back(fmt::format("relation \"{}\" already exists, skipping",
                                           engine::display_name(create.name.name.text)));
      return effect;
    }
    effect.notices = std::move(planned.notices);
    effect.changes.push_back(PutSource{planned.sink});
    effect.changes.push_back(SetNextQueryNumber{image.catalog->next_query_number + 1});
    TRY(check_topics_exist(planned.plan));
    effect.new_topics.push_back(*planned.new_topic);
    effect.notices.push_back(fmt::format("query {} updates the view when rows of {} have changed",
                                         planned.plan.id, fmt::join(planned.plan.sources, " or ")));
    effect.started = std::move(planned);
    effect.started_kind = engine::QueryKind::View;
    return effect;
  }
  Result<Effect> operator()(const engine::CreateView& create) const {
    TRY(check_schema_of(create.name.name, create.name.position));
    if (create.is_materialized) return create_materialized_view(create);
    return of(plan_create_view(create, context(), image, asker));
  }
  Result<Effect> operator()(const engine::DropViews& drop) const {
    if (!drop.is_materialized) return of(plan_drop_views(drop, image, asker));
    engine::DropSources drops{{}, drop.cascade};
    Effect effect;
    for (const engine::TableName& each : drop.names) {
      if (TRY(is_materialized_view(each, drop.if_exists, *image.catalog)))
        drops.drops.push_back({engine::SourceKind::Table, false, false, each.name, each.position});
      else
        effect.notices.push_back(fmt::format("materialized view \"{}\" does not exist, skipping",
                                             engine::display_name(each.name.text)));
    }
    Effect dropped = TRY(drop_all(drops));
    append(dropped.notices, std::move(effect.notices));
    return dropped;
  }
  Result<Effect> operator()(const engine::RenameRelation& rename) const {
    return of(plan_rename(rename, image, asker));
  }
  // Replaces the topic of each table by a new, empty topic with the same name.
  Result<Effect> operator()(const engine::Truncate& truncate) const {
    Effect effect;
    std::set<std::string> names;
    for (const engine::TableName& table : truncate.tables) {
      const engine::DataSource& source =
          *TRY(find_own_table(table, "TRUNCATE", engine::ViewChange::Truncate));
      if (!names.insert(source.name).second) continue;
      auto topic = TRY(new_topic(source, source.partitions));
      TRY(begin_anew(source, std::move(topic), source.topic, effect));
    }
    return effect;
  }
  // Replaces the table's topic by the new one, which already contains the rows
  // (server/sql/write/execution_add_key.cc).
  Result<Effect> operator()(const engine::AddPrimaryKey& add) const {
    const engine::DataSource& source = *TRY(find_copied_table(add.table));
    return with_copied_rows(source, *TRY(engine::plan_primary_key(add, source, settings)));
  }
  Result<Effect> operator()(const engine::AlterColumns& alter) const {
    if (const engine::DataSource* there = image.catalog->find_source(alter.table.name.text);
        there && engine::changes_nothing(alter, *there)) {
      Effect nothing;
      nothing.is_nothing = true;
      nothing.notices =
          TRY(engine::plan_alter_columns(alter, *there, image.catalog->types)).notices;
      return nothing;
    }
    const engine::DataSource& source = *TRY(find_copied_table(alter.table));
    engine::AlteredTable altered =
        TRY(engine::plan_alter_columns(alter, source, image.catalog->types));
    if (auto added = engine::constraints_of(alter.added); !added.empty()) {
      auto table = std::make_shared<engine::DataSource>(*altered.table);
      TRY(engine::add_constraints(std::move(added), *image.catalog, properties,
                                  alter.table.position, *table, altered.notices));
      altered.table = std::move(table);
    }
    Effect effect = TRY(with_copied_rows(source, *altered.table));
    effect.notices = std::move(altered.notices);
    follow_columns(alter, source.name, effect);
    return effect;
  }
  Result<Effect> operator()(const engine::ChangeConstraint& change) const {
    const std::string& name = change.table.name.text;
    const engine::DataSource* source = image.catalog->find_source(name);
    if (!source)
      return engine::no_such_relation(change.table.name, change.table.position,
                                      engine::ViewChange::Alter, *image.catalog);
    auto altered = std::make_shared<engine::DataSource>(*source);
    Effect effect;
    const auto find = [&](const std::string& wanted) {
      return std::ranges::find(altered->unenforced, wanted, &engine::UnenforcedConstraint::name);
    };
    if (change.added) {
      if (change.missing_ok && find(change.added->name) != altered->unenforced.end()) {
        effect.is_nothing = true;
        effect.notices.push_back(
            fmt::format("relation \"{}\" already exists, skipping", change.added->name));
        return effect;
      }
      TRY(engine::add_constraints({*change.added}, *image.catalog, properties,
                                  change.table.position, *altered, effect.notices));
    } else if (const auto found = find(change.dropped); found != altered->unenforced.end()) {
      altered->unenforced.erase(found);
    } else {
      const std::string text = fmt::format("constraint \"{}\" of relation \"{}\" does not exist",
                                           change.dropped, engine::display_name(name));
      if (!change.missing_ok)
        return Error{ErrorCode::UndefinedObject, text}.at(change.table.position);
      effect.is_nothing = true;
      effect.notices.push_back(text + ", skipping");
      return effect;
    }
    effect.changes.push_back(PutSource{std::move(altered)});
    return effect;
  }
  // Changes or removes the default of a column. Existing rows stay unchanged.
  Result<Effect> operator()(const engine::AlterDefault& alter) const {
    const engine::DataSource* source = image.catalog->find_source(alter.table.name.text);
    if (!source)
      return engine::no_such_relation(alter.table.name, alter.table.position,
                                      engine::ViewChange::Alter, *image.catalog);
    const int index = source->schema.index_of(alter.column.name.text);
    if (index < 0)
      return Error{ErrorCode::UndefinedColumn,
                   fmt::format("column \"{}\" of relation \"{}\" does not exist",
                               engine::display_name(alter.column.name.text),
                               engine::display_name(source->name))}
          .at(alter.column.position);
    if (source->kind != engine::SourceKind::Table || source->read_only ||
        !source->created_by.empty())
      return Error{ErrorCode::WrongObjectType,
                   fmt::format("{} is not a table whose columns can have a DEFAULT", source->name)}
          .at(alter.table.position);
    auto altered = std::make_shared<engine::DataSource>(*source);
    engine::ColumnDef& column = altered->schema.columns[static_cast<size_t>(index)];
    column.default_sql = alter.default_sql;
    column.is_serial = false;
    Effect effect;
    effect.changes.push_back(PutSource{std::move(altered)});
    return effect;
  }
  Result<Effect> operator()(const engine::CommentOn& comment) const {
    constexpr size_t kMostBytes = 16 * 1024;
    const engine::DataSource* source = image.catalog->find_source(comment.table.name.text);
    if (const engine::ViewPtr* view =
            source ? nullptr : image.catalog->views.get(comment.table.name.text))
      return of(comment_on_view(comment, **view, image, asker));
    if (!source)
      return Error{ErrorCode::UndefinedSource,
                   fmt::format("relation \"{}\" does not exist",
                               engine::display_name(comment.table.name.text))}
          .at(comment.table.position);
    const std::string column = comment.column ? comment.column->name.text : "";
    if (comment.column && source->schema.index_of(column) < 0)
      return Error{ErrorCode::UndefinedColumn,
                   fmt::format("column \"{}\" of {} does not exist", column, source->name)}
          .at(comment.column->position);
    if (comment.text && comment.text->size() > kMostBytes)
      return Error{ErrorCode::LimitExceeded, "a comment can have at most 16 kB"};
    auto commented = std::make_shared<engine::DataSource>(*source);
    commented->comments.erase(column);
    if (comment.text && !comment.text->empty()) commented->comments[column] = *comment.text;
    Effect effect;
    effect.is_nothing = commented->comments == source->comments;
    if (!effect.is_nothing) effect.changes.push_back(PutSource{std::move(commented)});
    return effect;
  }
  Result<Effect> operator()(const engine::AlterSource& alter) const {
    const engine::CatalogChange change = TRY(engine::plan_alter_source(alter, image.catalog));
    Effect effect = of(change);
    if (effect.is_nothing) return effect;
    effect.changed_tables.push_back(alter.name.text);
    auto table = TRY(with_new_schema(change.catalog->sources().at(alter.name.text)));
    if (!settings.ksqldb_compat && !table->owns_topic)
      if (auto unchecked = engine::unchecked_limits(alter.added, image.catalog->types))
        effect.notices.push_back(*std::move(unchecked));
    if (auto added = engine::constraints_of(alter.added); !added.empty()) {
      auto constrained = std::make_shared<engine::DataSource>(*table);
      TRY(engine::add_constraints(std::move(added), *image.catalog, properties, alter.name_position,
                                  *constrained, effect.notices));
      table = std::move(constrained);
    }
    effect.changes.push_back(PutSource{std::move(table)});
    return effect;
  }
  Result<Effect> operator()(const engine::CreateType& create) const {
    TRY(check_schema_of(create.name, create.name_position));
    const engine::CatalogChange change = TRY(engine::plan_create_type(create, image.catalog));
    Effect effect = of(change);
    const std::string& name = create.name.text;
    if (!effect.is_nothing) effect.changes.push_back(PutType{name, change.catalog->types.at(name)});
    return effect;
  }
  Result<Effect> operator()(const engine::DropType& drop) const {
    Effect effect = of(TRY(engine::plan_drop_type(drop, image.catalog)));
    if (!effect.is_nothing) effect.changes.push_back(EraseType{drop.name.text});
    return effect;
  }
  Result<Effect> operator()(const engine::CreateSequence& create) const {
    TRY(check_schema_of(create.name.name, create.name.position));
    auto changed = TRY(engine::plan_create_sequence(create, *image.catalog, new_id()));
    for (engine::SequencePtr& put : changed.put) {
      auto owned = std::make_shared<engine::Sequence>(*put);
      owned->owner_role = asker.value_or("");
      put = std::move(owned);
    }
    return of(std::move(changed));
  }
  Result<Effect> operator()(const engine::AlterSequence& alter) const {
    return of(TRY(engine::plan_alter_sequence(alter, *image.catalog)));
  }
  Result<Effect> operator()(const engine::DropSequences& drop) const {
    return of(TRY(engine::plan_drop_sequences(drop, *image.catalog)));
  }
  Result<Effect> operator()(const engine::CreateSchema& create) const {
    const std::string& name = create.name.name.text;
    Effect effect;
    effect.is_nothing = schema_exists(name);
    if (!effect.is_nothing) {
      effect.changes.push_back(PutSchemaName{name});
    } else if (create.if_not_exists) {
      effect.notices.push_back(schema_that(name, "already exists, skipping"));
    } else {
      return Error{ErrorCode::DuplicateObject, schema_that(name, "already exists")}.at(
          create.name.position);
    }
    return effect;
  }
  Result<Effect> operator()(const engine::DropSchemas& drop) const {
    Effect effect;
    for (const engine::TableName& schema : drop.names) {
      const std::string& name = schema.name.text;
      if (image.catalog->schemas.contains(name)) {
        TRY(drop_schema(name, drop.cascade, effect));
        continue;
      }
      if (!drop.if_exists)
        return Error{schema_exists(name) ? ErrorCode::DependentObjects : ErrorCode::UndefinedSchema,
                     schema_exists(name) ? schema_that(name, "cannot be dropped")
                                         : schema_that(name, "does not exist")}
            .at(schema.position);
      effect.notices.push_back(schema_that(name, "does not exist, skipping"));
    }
    effect.is_nothing = effect.changes.empty();
    return effect;
  }
  // Checks that the topics of a query exist before it is resumed.
  Status check_topics(const engine::ControlQuery& control) const {
    if (control.action != engine::QueryAction::Resume || !control.query_id) return {};
    const DefinedQueryPtr query = image.find_query(control.query_id->text);
    const auto lost = query ? lost_topic(*query, *image.topics) : std::nullopt;
    if (!lost) return {};
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("{} cannot be resumed: topic \"{}\" was deleted",
                             control.query_id->text, *lost)}
        .at(control.position)
        .with_hint(hint_about_lost_topic(*query));
  }
  Error with_other_kind(Error error, const engine::ControlQuery& control) const {
    if (!control.query_id || error.code != ErrorCode::UndefinedObject ||
        control.action == engine::QueryAction::Terminate)
      return error;
    const bool pauses = control.action == engine::QueryAction::Pause;
    if (auto hint =
            hint_for_other_kind(image, asker, pauses ? "PAUSE" : "RESUME", control.query_id->text))
      error.hint = *std::move(hint);
    return error;
  }
  Result<Effect> operator()(const engine::ControlQuery& control) const {
    TRY(check_topics(control));
    auto planned = engine::plan_control_query(control, image.catalog);
    if (!planned) return with_other_kind(std::move(planned).error(), control);
    const engine::CatalogChange change = *std::move(planned);
    Effect effect = of(change);
    // A table whose query has ended still exists. From now on, a hidden query keeps the rows of the table; see
    // materialize_tables().
    for (const std::string& id : change.ended_queries)
      effect.changed_tables.push_back(image.catalog->find_query(id)->sink);
    if (control.action == engine::QueryAction::Terminate) return effect;
    const auto set_state = [&](const engine::PersistentQuery& query) {
      const engine::DesiredState state = change.catalog->find_query(query.id)->state;
      if (state != query.state) effect.changes.push_back(SetQueryState{query.id, state});
    };
    if (control.query_id) {
      set_state(*image.catalog->find_query(control.query_id->text));
    } else {
      for (const auto& [id, query] : image.catalog->queries()) set_state(*query);
    }
    effect.is_nothing = effect.changes.empty();
    return effect;
  }
  // Sets a setting for all sessions. A session's own setting takes precedence, and running queries
  // keep their values.
  Result<Effect> operator()(const engine::AlterSystem& alter) const {
    TRY(engine::check_property(alter.name, alter.value));
    TRY(check_setting_in_cluster(alter.name, alter.value, facts));
    Effect effect;
    const std::string name = engine::setting_name(alter.name);
    effect.is_nothing = name.empty();
    if (effect.is_nothing)
      effect.notices.push_back(fmt::format("no dependent objects of {} exist here", alter.name));
    else
      effect.changes.push_back(SetSystemProperty{name, alter.value});
    return effect;
  }
  template <class Other>
  Result<Effect> operator()(const Other&) const {
    return Error{ErrorCode::NotSupported, "this statement is not supported yet"};
  }

 private:
  template <class T>
  static void append(std::vector<T>& to, std::vector<T> from) {
    std::ranges::move(from, std::back_inserter(to));
  }

  bool schema_exists(const std::string& name) const {
    return name == "PUBLIC" || name == "PG_CATALOG" || name == "INFORMATION_SCHEMA" ||
           name == "MILLRACE_CATALOG" || image.catalog->schemas.contains(name);
  }
  // Checks that the schema of a new object exists. The parser turns schema.name into one name with
  // a dot and with Quoting::Back. Existing objects are not checked, so older names with a dot stay
  // valid.
  Status check_schema_of(const engine::Name& name, TextPosition at) const {
    const size_t dot = name.text.find('.');
    if (name.quoting != engine::Quoting::Back || dot == std::string::npos ||
        name.text.starts_with("PG_TEMP_") ||
        image.catalog->schemas.contains(name.text.substr(0, dot)))
      return {};
    return Error{ErrorCode::UndefinedSchema,
                 schema_that(name.text.substr(0, dot), "does not exist"),
                 {},
                 "CREATE SCHEMA creates a schema."}
        .at(at);
  }
  // Returns the names that belong to the schema: they begin with its name and a dot.
  template <class Named>
  static std::vector<std::string> names_within(const Named& named, const std::string& schema) {
    std::vector<std::string> names;
    const std::string prefix = schema + ".";
    for (auto each = named.lower_bound(prefix);
         each != named.end() && each->first.starts_with(prefix); ++each)
      names.push_back(each->first);
    return names;
  }
  Status drop_schema(const std::string& schema, bool cascade, Effect& effect) const {
    const auto sources = names_within(image.catalog->sources(), schema);
    const auto types = names_within(image.catalog->types, schema);
    const auto sequences = names_within(image.catalog->sequences, schema);
    const auto views = names_within(image.catalog->views, schema);
    if (!cascade && !(sources.empty() && types.empty() && sequences.empty() && views.empty()))
      return Error{ErrorCode::DependentObjects,
                   fmt::format("cannot drop schema {} because other objects depend on it",
                               engine::display_name(schema)),
                   fmt::format("{} is in the schema.",
                               engine::display_name(!sources.empty() ? sources.front()
                                                    : !types.empty() ? types.front()
                                                    : !views.empty() ? views.front()
                                                                     : sequences.front())),
                   "Use DROP ... CASCADE to drop the dependent objects too."};
    for (const std::string& name : sources) {
      engine::DropSource drop{
          image.catalog->find_source(name)->kind, false, false, {name, engine::Quoting::Back}, {}};
      Effect one = TRY(drop_source(drop, {sources.begin(), sources.end()}));
      append(effect.changes, std::move(one.changes));
      append(effect.dropped_topics, std::move(one.dropped_topics));
      append(effect.changed_tables, std::move(one.changed_tables));
      append(effect.notices, std::move(one.notices));
    }
    for (const std::string& name : types) effect.changes.push_back(EraseType{name});
    for (const std::string& name : sequences) effect.changes.push_back(EraseSequence{name});
    for (const std::string& name : views) effect.changes.push_back(EraseView{name});
    effect.changes.push_back(EraseSchemaName{schema});
    return {};
  }

  // A materialized view is never replaced: its topic and its readers depend on its columns and its key.
  Status check_keeps_view(const engine::Name& name, bool or_replace, TextPosition at) const {
    const engine::DataSource* source = image.catalog->find_source(name.text);
    if (!source || !or_replace || !image.catalog->is_view(*source)) return {};
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a table or stream", engine::display_name(source->name)),
                 "It is a materialized view.",
                 "DROP MATERIALIZED VIEW first, or choose another name."}
        .at(at);
  }
  Status check_not_materialized(const engine::DropSource& drop) const {
    const engine::DataSource* source = image.catalog->find_source(drop.name.text);
    if (!source || !image.catalog->is_view(*source)) return {};
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a table", engine::display_name(source->name)),
                 {},
                 "Use DROP MATERIALIZED VIEW to remove a materialized view."}
        .at(drop.name_position);
  }
  Status check_not_view(const engine::TableName& table, engine::ViewChange change) const {
    if (auto refused = engine::refuse_view(table.name, table.position, change, *image.catalog))
      return *std::move(refused);
    return {};
  }

  // Finds a table that no query reads or writes, so only clients write it.
  Result<const engine::DataSource*> find_own_table(const engine::TableName& table,
                                                   std::string_view verb,
                                                   engine::ViewChange change) const {
    const engine::DataSource* source = image.catalog->find_source(table.name.text);
    if (!source) TRY(check_not_view(table, change));
    if (!source)
      return Error{ErrorCode::UndefinedSource, fmt::format("relation \"{}\" does not exist",
                                                           engine::display_name(table.name.text))}
          .at(table.position);
    const auto refuse = [&](std::string why) {
      return Error{ErrorCode::WrongObjectType, fmt::format("{} of {}: {}", verb, source->name, why)}
          .at(table.position);
    };
    if (source->kind != engine::SourceKind::Table)
      return refuse("it is a stream")
          .with_hint(
              "A stream keeps its records until the retention of its topic ends. DROP STREAM name "
              "DELETE TOPIC deletes them; CREATE STREAM makes the stream again.");
    if (source->read_only) return refuse("it is read-only");
    if (source->window) return refuse("it is windowed");
    if (image.catalog->is_view(*source))
      return Error{
          ErrorCode::WrongObjectType,
          fmt::format("cannot change materialized view \"{}\"", engine::display_name(source->name)),
          {},
          "Change the tables that it reads, or DROP MATERIALIZED VIEW and CREATE it again."}
          .at(table.position);
    if (!source->created_by.empty())
      return refuse(fmt::format("its rows are written by query {}", source->created_by));
    std::vector<std::string> users = image.catalog->writers_of(source->name);
    append(users, image.catalog->readers_of(source->name));
    std::erase_if(users, [&](const std::string& id) {
      return image.catalog->find_query(id)->kind == engine::QueryKind::SourceTable;
    });
    if (users.empty()) return source;
    return Error{
        ErrorCode::DependentObjects,
        fmt::format("{} of {}: query {} reads or writes it", verb, source->name, users.front()),
        {},
        "First drop the query that reads it."}
        .at(table.position);
  }

  // Returns the table whose rewritten rows are in the new topic. Fails if the table was written to
  // after its rows had been copied.
  Result<const engine::DataSource*> find_copied_table(const engine::TableName& table) const {
    const engine::DataSource* source =
        TRY(find_own_table(table, "ALTER TABLE", engine::ViewChange::Alter));
    if (!rekeyed)
      return Error{ErrorCode::NotSupported,
                   "an ALTER TABLE that changes rows is only available to PostgreSQL clients yet"};
    if (rekeyed->old_topic == TRY(topic_of(*source)).id && rekeyed->is_unchanged()) return source;
    return Error{ErrorCode::ObjectState,
                 fmt::format("{} was written while its rows were copied", source->name),
                 {},
                 "Try again when no session writes to it."}
        .at(table.position);
  }
  Result<Effect> with_copied_rows(const engine::DataSource& source,
                                  const engine::DataSource& altered) const {
    engine::TopicDescription topic = TRY(new_topic(altered, altered.partitions));
    topic.id = rekeyed->new_topic;
    Effect effect;
    TRY(begin_anew(altered, std::move(topic), source.topic, effect));
    return effect;
  }

  Result<storage::TopicInfo> topic_of(const engine::DataSource& source) const {
    if (const storage::TopicInfo* topic = image.topics->find(source.topic)) return *topic;
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" of {} was deleted", source.topic, source.name)};
  }
  Result<engine::TopicDescription> new_topic(const engine::DataSource& source,
                                             int partitions) const {
    const storage::TopicInfo before = TRY(topic_of(source));
    engine::TopicDescription topic;
    topic.name = source.topic;
    topic.partitions = partitions;
    topic.config = before.config;
    return topic;
  }
  Status begin_anew(const engine::DataSource& source, engine::TopicDescription topic,
                    const std::string& old_topic, Effect& effect) const {
    for (const auto& [name, other] : image.catalog->sources())
      if (other->topic == old_topic && name != source.name &&
          !is_without_rights(*image.users, *other))
        return Error{ErrorCode::DependentObjects,
                     fmt::format("topic \"{}\" is also the topic of {} {}", old_topic,
                                 engine::kind_word(other->kind), name),
                     {},
                     fmt::format("DROP {} {} first; its records stay.",
                                 other->kind == engine::SourceKind::Stream ? "STREAM" : "TABLE",
                                 engine::display_name(name))};
    effect.dropped_topics.push_back(old_topic);
    effect.new_topics.push_back(std::move(topic));
    effect.changed_tables.push_back(source.name);
    effect.changes.push_back(PutSource{std::make_shared<const engine::DataSource>(source)});
    return {};
  }

  static Effect of(engine::ChangedSequences changed) {
    Effect effect;
    for (engine::SequencePtr& put : changed.put)
      effect.changes.push_back(PutSequence{std::move(put)});
    for (std::string& name : changed.dropped)
      effect.changes.push_back(EraseSequence{std::move(name)});
    effect.notices = std::move(changed.notices);
    effect.is_nothing = effect.changes.empty();
    return effect;
  }
  static Result<Effect> of(Result<RelationChanges> planned) {
    if (!planned) return std::move(planned).error();
    Effect effect;
    effect.changes = std::move(planned->changes);
    effect.notices = std::move(planned->notices);
    effect.is_nothing = effect.changes.empty();
    return effect;
  }
  Status check_no_sequence(const engine::Name& name, TextPosition at) const {
    if (image.catalog->views.get(name.text))
      return Error{ErrorCode::DuplicateSource,
                   fmt::format("relation \"{}\" already exists", engine::display_name(name.text)),
                   "It is a view.", "Give the new one another name, or DROP VIEW first."}
          .at(at);
    if (!image.catalog->sequences.get(name.text)) return {};
    return Error{ErrorCode::DuplicateSource,
                 fmt::format("\"{}\" is the name of a sequence", engine::display_name(name.text)),
                 {},
                 "Give it another name, or DROP SEQUENCE first."}
        .at(at);
  }
  // Drops the sequences that dropped columns own. A sequence that a renamed column owns gets the
  // new name of its owner.
  void follow_columns(const engine::AlterColumns& alter, const std::string& table,
                      Effect& effect) const {
    for (const auto& dropped : alter.dropped)
      for (const auto& owned :
           engine::sequences_of(*image.catalog, table, dropped.column.name.text))
        effect.changes.push_back(EraseSequence{owned->name});
    for (const auto& [column, name] : alter.renamed)
      for (const auto& owned : engine::sequences_of(*image.catalog, table, column.name.text)) {
        auto follows = std::make_shared<engine::Sequence>(*owned);
        follows->owner_column = name.text;
        effect.changes.push_back(PutSequence{std::move(follows)});
      }
  }

  bool names_schema(const std::string& name, engine::Side side) const {
    const engine::DataSource* source = image.catalog->find_source(name);
    return source && engine::names_schema(side == engine::Side::Key ? source->key_format
                                                                    : source->value_format);
  }

  Effect of(engine::CatalogChange change) const {
    Effect effect;
    effect.is_nothing = change.catalog == image.catalog;
    for (std::string& id : change.ended_queries) {
      const DefinedQueryPtr query = image.find_query(id);
      if (query && query->rebuilt_sink) effect.dropped_topics.push_back(rebuild_topic(id));
      effect.changes.push_back(EraseQuery{std::move(id)});
    }
    if (change.dropped_topic) effect.dropped_topics.push_back(std::move(*change.dropped_topic));
    effect.notices = std::move(change.notices);
    return effect;
  }

  // Returns the altered source. If its value format has a schema, the source gets a new schema,
  // which contains the new columns.
  Result<std::shared_ptr<const engine::DataSource>> with_new_schema(
      std::shared_ptr<const engine::DataSource> altered) const {
    if (!engine::names_schema(altered->value_format)) return altered;
    auto source = std::make_shared<engine::DataSource>(*altered);
    source->value_format = engine::reading_format(source->value_format);
    const engine::SourceFormats written = TRY(
        engine::register_schemas({engine::FormatSpec{"NONE"}, source->value_format}, source->schema,
                                 source->topic, &registrar, engine::Registrar::Write::Sink));
    source->value_format = written.value;
    return std::shared_ptr<const engine::DataSource>(std::move(source));
  }

  Status check_topics_exist(const engine::QueryPlan& plan) const {
    for (const std::string& name : plan.sources) {
      const engine::DataSource* source = image.catalog->find_source(name);
      if (source && !topics.find(source->topic))
        return Error{ErrorCode::UnknownTopic,
                     fmt::format("topic \"{}\" of {} was deleted", source->topic, name),
                     {},
                     fmt::format("DROP {} and create it again.", name)};
    }
    return {};
  }

  // Returns the new plan, which continues with the state of the old plan. On failure, the hint
  // offers REBUILD for a table, or in a cluster DROP and CREATE.
  Result<engine::QueryPlan> upgrade(const engine::QueryPlan& old, PlannedQuery& planned) const {
    const bool is_table = planned.sink->kind == engine::SourceKind::Table;
    Result<engine::QueryPlan> plan = engine::upgrade_query(old, std::move(planned.plan));
    const bool may_rebuild = facts.supports(Feature::TableRebuilds);
    if (plan || (!is_table && may_rebuild)) return plan;
    Error error = std::move(plan).error();
    if (!may_rebuild) return std::move(error).with_hint(kDropAndCreate);
    error.hint =
        "WITH (REBUILD = true) builds the new definition beside the old one from the beginning of "
        "its sources, and replaces the old one when it has caught up.";
    return error;
  }

  // Builds the new query while the old one runs: the new query writes its rows to a temporary topic until it
  // replaces the old query (docs/adr/0046).
  Result<Effect> rebuild(Effect effect, PlannedQuery planned) const {
    const DefinedQueryPtr old = image.find_query(planned.rebuilds);
    if (const auto lost = lost_topic(*old, *image.topics))
      return Error{
          ErrorCode::UnknownTopic,
          fmt::format("{} cannot be rebuilt: topic \"{}\" was deleted", planned.rebuilds, *lost)}
          .with_hint(hint_about_lost_topic(*old));
    TRY(check_topics_exist(planned.plan));
    effect.changes.push_back(SetNextQueryNumber{image.catalog->next_query_number + 1});
    const engine::DataSource& sink = *planned.sink;
    engine::TopicDescription staging = *topics.find(sink.topic);
    staging.id = Uuid();  // the topic gets a new id
    staging.name = rebuild_topic(planned.plan.id);
    if (topics.find(staging.name))
      return Error{ErrorCode::DuplicateObject,
                   fmt::format("topic \"{}\" already exists", staging.name)};
    staging.config = engine::topic_config(sink.kind, sink.window.has_value(), std::nullopt);
    planned.plan.stages.back().output.topic = staging.name;
    effect.new_topics.push_back(std::move(staging));
    effect.notices.push_back(
        fmt::format("query {} is being built beside {} and replaces it when it has caught up",
                    planned.plan.id, planned.rebuilds));
    effect.rebuilt_sink = planned.sink;
    effect.started = std::move(planned);
    return effect;
  }

  // Replaces a query: the new definition continues at the position of the old one, and earlier
  // input and output stay unchanged.
  Result<Effect> replace(Effect effect, const DefinedQueryPtr& old, PlannedQuery planned) const {
    const std::string& id = old->query->id;
    if (!old->unreadable.empty())
      return Error{ErrorCode::ObjectState,
                   fmt::format("query {} cannot be replaced: {}", id, old->unreadable),
                   {},
                   fmt::format("DROP {}, and create it again.", planned.sink->name)};
    if (const auto lost = lost_topic(*old, *image.topics))
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("{} cannot be replaced: topic \"{}\" was deleted", id, *lost)}
          .with_hint(hint_about_lost_topic(*old));
    planned.plan = TRY(upgrade(*old->plan, planned));
    effect.notices.push_back(
        fmt::format("query {} continues with its new definition from its current position", id));
    effect.started = std::move(planned);
    effect.replaced = old;
    // with compat = ksqldb, existing rows keep their old values
    effect.shows_again = !settings.ksqldb_compat;
    return effect;
  }

  // Adds the query that generates the rows of a new source, if the source has one. If the statement
  // replaces a generator, the new generator continues after the last row of the old one. If the new
  // statement defines no generator, the old generator ends.
  Result<Effect> with_generator(Effect effect, engine::NewSource planned) const {
    const engine::DataSource* before = image.catalog->find_source(planned.source->name);
    const DefinedQueryPtr old = before ? image.find_query(before->created_by) : nullptr;
    const bool was_generated = old && engine::generator_of(*old->plan);
    if (!planned.generator) {
      if (was_generated) effect.changes.push_back(EraseQuery{old->query->id});
      return effect;
    }
    const engine::GeneratorPlan& generator = *engine::generator_of(*planned.generator);
    effect.notices.push_back(
        fmt::format("query {} generates {}", planned.generator->id, engine::to_text(generator)));
    if (was_generated)
      effect.replaced = old;
    else
      effect.changes.push_back(SetNextQueryNumber{image.catalog->next_query_number + 1});
    PlannedQuery started;
    started.plan = std::move(*planned.generator);
    started.plan.properties = properties;
    started.sink = planned.source;
    effect.started = std::move(started);
    return effect;
  }

  Result<Effect> with_query(Effect effect, PlannedQuery planned, engine::QueryKind kind) const {
    TRY(check_topics_exist(planned.plan));
    effect.changes.push_back(SetNextQueryNumber{image.catalog->next_query_number + 1});
    if (planned.new_topic) effect.new_topics.push_back(*planned.new_topic);
    effect.notices.push_back(fmt::format("query {} is running, from the {} of {}", planned.plan.id,
                                         starts_at_latest(properties) ? "end" : "beginning",
                                         fmt::join(planned.plan.sources, " and ")));
    if (const auto notice = engine::window_notice(planned.plan)) effect.notices.push_back(*notice);
    effect.started = std::move(planned);
    effect.started_kind = kind;
    return effect;
  }

  // Returns the longest retention among the streams that a plan reads; -1 if one of the streams
  // keeps all records.
  int64_t source_retention_ms(const engine::QueryPlan& plan) const {
    int64_t longest_ms = 0;
    for (const std::string& name : plan.sources) {
      const engine::DataSource* source = image.catalog->find_source(name);
      if (!source || source->kind != engine::SourceKind::Stream) continue;
      const storage::TopicInfo* topic = image.topics->find(source->topic);
      const int64_t retention_ms = topic && storage::has_cleanup_policy(*topic, "delete")
                                       ? storage::topic_config_number(*topic, "retention.ms")
                                       : -1;
      if (retention_ms < 0) return -1;
      longest_ms = std::max(longest_ms, retention_ms);
    }
    return longest_ms;
  }
};

// Fails if the statement would end a query that a rebuild is just replacing by another query
// (docs/adr/0046).
Status check_stands_nowhere(const Effect& effect, const MetadataImage& image) {
  for (const DefinitionChange& change : effect.changes) {
    const auto* erase = std::get_if<EraseQuery>(&change);
    const DefinedQueryPtr query = erase ? image.find_query(erase->id) : nullptr;
    if (query && query->stands)
      return Error{ErrorCode::ObjectState,
                   fmt::format("query {} takes part in a rebuild that is just ending", erase->id),
                   {},
                   "Try again in a moment."};
  }
  return {};
}

// Converts the Effect of a statement into the parts of a command. Assigns ids to the new topics and
// queries, and start positions to the new queries.
class Resolver {
 public:
  Resolver(const MetadataImage& image, const Properties& properties,
           const DefinitionSources& sources)
      : image_(image),
        properties_(properties),
        sources_(sources),
        open_(sources.transaction, image) {}

  // Returns a part of the command for each created or dropped topic.
  std::vector<storage::MetadataPart> topic_parts(const Effect& effect) {
    std::vector<storage::MetadataPart> parts;
    const auto add = [&](std::string bytes) {
      parts.push_back({std::string(storage::kTopicsPart), std::move(bytes)});
    };
    // Topics are dropped before others are created, since a new topic may have the name of a dropped one.
    const auto is_new = [&](const std::string& name) {
      return std::ranges::find(effect.new_topics, name, &engine::TopicDescription::name) !=
             effect.new_topics.end();
    };
    for (const std::string& name : effect.dropped_topics)
      if (const storage::TopicInfo* topic = image_.topics->find(name)) {
        const bool stays = open_.drop_topic(*topic);
        if (!stays || is_new(name)) add(storage::encode_delete_topic(topic->id));
      }
    for (const engine::TopicDescription& topic : effect.new_topics) {
      const Uuid id = new_topics_[topic.name] = topic.id == Uuid() ? sources_.new_id() : topic.id;
      const storage::TopicInfo made{id, topic.name, topic.partitions, topic.config};
      // In a cluster, the new topic of an ALTER TABLE already exists under a temporary name.
      if (image_.topics->find(id)) {
        add(storage::encode_delete_topic(id));
        renamed_topics_.insert(id);
      }
      // A dropped topic keeps its name until the end of the transaction. If the transaction has dropped
      // a topic with this name, the dropped topic loses the name now, because the new topic gets it.
      const bool is_deleted =
          std::ranges::find(effect.dropped_topics, topic.name) != effect.dropped_topics.end();
      if (const storage::TopicInfo* before = image_.topics->find(topic.name);
          before && !is_deleted && open_.has_dropped(*before))
        add(storage::encode_delete_topic(before->id));
      open_.make_topic(made);
      add(storage::encode_create_topic(made));
    }
    return parts;
  }
  // Returns the object that collects the notes for the transaction, if the statement is part of
  // one.
  OpenDefiner& open() { return open_; }
  // Returns the existing topics that get another name. Their records and replicas stay.
  const std::set<Uuid>& renamed_topics() const { return renamed_topics_; }

  // Returns whether, for the same stored state, look-ups with the new plan return other rows than
  // look-ups with the old plan.
  static bool are_computed_otherwise(const engine::QueryPlan& old, const engine::QueryPlan& next) {
    const auto written = [](const engine::QueryPlan& plan) {
      engine::QueryPlan only;
      only.materialization = plan.materialization;
      return engine::plan_to_json(only);
    };
    return next.materialization && written(old) != written(next);
  }

  DefinedQueryPtr started_query(const Effect& effect, const std::string& sql) const {
    const PlannedQuery& planned = *effect.started;
    auto query = std::make_shared<engine::PersistentQuery>();
    query->id = planned.plan.id;
    query->kind = effect.started_kind;
    query->sql = sql;
    query->sink = planned.sink->name;
    query->sources = planned.plan.sources;
    query->properties = properties_;
    const std::string id = query->id;
    if (const DefinedQueryPtr& old = effect.replaced) {
      query->state = old->query->state;
      auto defined = define(std::move(query), planned.plan);
      defined->exchange_ids = old->exchange_ids;
      defined->starts = old->starts;
      // `image_.revision + 1` is the revision that this command will have. If another command gets
      // this revision first, the statement is planned again.
      defined->results_at = old->results_at;
      if (effect.shows_again && are_computed_otherwise(*old->plan, *defined->plan))
        defined->results_at = image_.revision + 1;
      if (!old->journal) return defined;
      defined->journal = old->journal;
      defined->made_at = old->made_at;
      // `image_.revision + 1` is the revision of this command
      defined->planned_at = image_.revision + 1;
      return defined;
    }
    query->rebuilds = planned.rebuilds;
    auto defined = define(std::move(query), planned.plan);
    if (sources_.facts.has_replicated_journals())
      defined->journal = storage::replicated_journal_of(id);
    // One node runs the new and the old query of a rebuild, because they share a journal.
    if (const DefinedQueryPtr old = image_.find_query(planned.rebuilds); old && old->journal)
      defined->journal = old->journal;
    defined->rebuilt_sink = effect.rebuilt_sink;
    if (effect.rebuilt_sink) note_topic(effect.rebuilt_sink->topic, *defined);
    for (size_t i = 0; i < planned.plan.exchanges.size(); ++i)
      defined->exchange_ids.push_back(sources_.new_id());
    // A rebuilt table always reads its inputs from the beginning, even if the session sets auto.offset.reset = latest
    // for new queries.
    if (starts_at_latest(properties_) && !effect.rebuilt_sink)
      defined->starts = latest_starts(planned.plan);
    return defined;
  }

  // Returns the hidden query that materializes a table that no other query writes.
  Result<DefinedQueryPtr> hidden_query(const engine::DataSource& table, Revision revision) const {
    auto query = std::make_shared<engine::PersistentQuery>();
    query->id = fmt::format("CST_{}_{}", table.name, revision.value());
    query->kind = engine::QueryKind::SourceTable;
    query->sources = {table.name};
    PlannedQuery planned = TRY(engine::plan_source_table(table, query->id));
    return DefinedQueryPtr(define(std::move(query), std::move(planned.plan)));
  }

 private:
  std::shared_ptr<DefinedQuery> define(std::shared_ptr<const engine::PersistentQuery> query,
                                       engine::QueryPlan plan) const {
    auto defined = std::make_shared<DefinedQuery>();
    defined->query = std::move(query);
    for (const engine::StagePlan& stage : plan.stages) {
      for (const engine::PlanNode& node : stage.nodes)
        if (const auto* input = std::get_if<engine::InputStep>(&node.step);
            input && !input->generator)
          note_topic(input->topic, *defined);
      note_topic(stage.output.topic, *defined);
    }
    defined->plan = std::make_shared<const engine::QueryPlan>(std::move(plan));
    return defined;
  }

  void note_topic(const std::string& name, DefinedQuery& defined) const {
    if (const auto made = new_topics_.find(name); made != new_topics_.end())
      defined.topic_ids[name] = made->second;
    else if (const storage::TopicInfo* topic = image_.topics->find(name))
      defined.topic_ids[name] = topic->id;
  }

  // Returns the present ends of the streams that a plan reads. Tables are always read from their
  // beginning, since a part of a table is useless.
  std::vector<StartPosition> latest_starts(const engine::QueryPlan& plan) const {
    std::vector<StartPosition> starts;
    for (const std::string& name : plan.sources) {
      const engine::DataSource* source = image_.catalog->find_source(name);
      const storage::TopicInfo* topic = source ? image_.topics->find(source->topic) : nullptr;
      if (!topic || source->kind == engine::SourceKind::Table) continue;
      for (int32_t i = 0; i < topic->partition_count; ++i)
        starts.push_back({topic->id, PartitionId(i), sources_.end_of(topic->id, PartitionId(i))});
    }
    return starts;
  }

  const MetadataImage& image_;
  const Properties& properties_;
  const DefinitionSources& sources_;
  std::map<std::string, Uuid> new_topics_;
  std::set<Uuid> renamed_topics_;
  OpenDefiner open_;
};

// Gives a new hidden query to each changed table, and to each table whose query was dropped, because every table
// supports look-ups.
Status materialize_tables(const Effect& effect, const MetadataImage& image,
                          const Resolver& resolver, std::vector<DefinitionChange>& changes) {
  MetadataImage next = image;
  ImageChange ignored;
  apply_changes(changes, next, ignored);
  for (const std::string& name : effect.changed_tables) {
    const engine::DataSource* before = image.catalog->find_source(name);
    const DefinedQuery* old = before ? image.materializer_of(*before) : nullptr;
    const bool ends = old && old->query->kind == engine::QueryKind::SourceTable;
    if (ends) changes.push_back(EraseQuery{old->query->id});
    const engine::DataSource* table = next.catalog->find_source(name);
    if (!table || table->kind != engine::SourceKind::Table) continue;
    const DefinedQuery* keeper = next.materializer_of(*table);
    if (keeper && (!ends || keeper->query->kind != engine::QueryKind::SourceTable)) continue;
    changes.push_back(PutQuery{TRY(resolver.hidden_query(*table, image.revision + 1))});
  }
  return {};
}

// Checks that the user owns the sequence, if it exists.
Status check_sequence(const MetadataImage& image, const Asker& asker, const std::string& name) {
  const engine::SequencePtr* present = image.catalog->sequences.get(name);
  if (!present || (*present)->owner_role == asker) return {};
  return Error{ErrorCode::InsufficientPrivilege,
               fmt::format("must be owner of sequence {}", engine::display_name(name))};
}

// Returns the topics of the streams and tables that the statement defines.
std::vector<std::string> topics_defined(const Effect& effect) {
  std::vector<std::string> topics;
  for (const DefinitionChange& change : effect.changes)
    if (const auto* put = std::get_if<PutSource>(&change)) topics.push_back(put->source->topic);
  return topics;
}

// Checks the rights of the role, except those on sources that the plan reads.
Status check_rights(const engine::Statement& statement, const Effect& effect,
                    const MetadataImage& image, const Asker& asker) {
  const storage::Users& users = *image.users;
  if (is_superuser(users, asker)) return {};
  if (std::holds_alternative<engine::AlterSystem>(statement))
    return check_superuser(users, asker, "change settings of all");
  if (const auto* control = std::get_if<engine::ControlQuery>(&statement)) {
    if (!control->query_id) return check_superuser(users, asker, "control all queries");
    const DefinedQueryPtr query = image.find_query(control->query_id->text);
    const engine::DataSource* sink =
        query ? image.catalog->find_source(query->query->sink) : nullptr;
    return sink ? check_owner(users, asker, *sink) : Status{};
  }
  const auto is_new = [&](const std::string& topic) {
    return std::ranges::find(effect.new_topics, topic, &engine::TopicDescription::name) !=
           effect.new_topics.end();
  };
  const bool is_drop = std::holds_alternative<engine::DropSource>(statement) ||
                       std::holds_alternative<engine::DropSources>(statement);
  const bool changes_sequences = std::holds_alternative<engine::AlterSequence>(statement) ||
                                 std::holds_alternative<engine::DropSequences>(statement);
  if (!is_drop && !changes_sequences && !std::holds_alternative<engine::Truncate>(statement) &&
      !std::holds_alternative<engine::AddPrimaryKey>(statement) &&
      !std::holds_alternative<engine::AlterColumns>(statement) &&
      !std::holds_alternative<engine::InsertSelect>(statement) &&
      !std::holds_alternative<engine::CommentOn>(statement) &&
      !std::holds_alternative<engine::AlterDefault>(statement) &&
      !std::holds_alternative<engine::DropViews>(statement) &&
      !std::holds_alternative<engine::ChangeConstraint>(statement) &&
      !std::holds_alternative<engine::RenameRelation>(statement) &&
      !std::holds_alternative<engine::AlterSource>(statement)) {
    const std::vector<std::string> topics = topics_defined(effect);
    std::vector<std::string> new_topics;
    std::ranges::copy_if(topics, std::back_inserter(new_topics), is_new);
    TRY(check_create(users, asker, topics, new_topics));
  }
  for (const DefinitionChange& change : effect.changes) {
    const auto* put = std::get_if<PutSource>(&change);
    const auto* erase = std::get_if<EraseSource>(&change);
    const engine::DataSource* before = put     ? image.catalog->find_source(put->source->name)
                                       : erase ? image.catalog->find_source(erase->name)
                                               : nullptr;
    if (before) TRY(erase ? check_drop(users, asker, *before) : check_owner(users, asker, *before));
    if (!changes_sequences) continue;
    const auto* sequence = std::get_if<PutSequence>(&change);
    const auto* gone = std::get_if<EraseSequence>(&change);
    if (sequence) TRY(check_sequence(image, asker, sequence->sequence->name));
    if (gone) TRY(check_sequence(image, asker, gone->name));
  }
  for (const std::string& topic : effect.dropped_topics)
    TRY(check_topic(users, asker, topic, storage::kOwns));
  // A query that writes to an existing topic needs the right to insert.
  if (effect.started && effect.started->sink && !is_new(effect.started->sink->topic))
    TRY(check_insert(users, asker, *effect.started->sink));
  return {};
}

// Keeps the comments (COMMENT ON) of a replaced stream or table. A comment on a column is kept only
// if the column still exists.
void keep_comments(Effect& effect, const engine::Catalog& before) {
  for (DefinitionChange& change : effect.changes) {
    auto* put = std::get_if<PutSource>(&change);
    const engine::DataSource* old = put ? before.find_source(put->source->name) : nullptr;
    if (!old || old->comments.empty()) continue;
    auto commented = std::make_shared<engine::DataSource>(*put->source);
    commented->comments = old->comments;
    std::erase_if(commented->comments, [&](const auto& comment) {
      return !comment.first.empty() && commented->schema.index_of(comment.first) < 0;
    });
    put->source = std::move(commented);
  }
}

// Returns the names that the statement changes or reads and that other transactions may have
// defined.
DefinitionUses uses_of(const Effect& effect) {
  DefinitionUses uses;
  for (const DefinitionChange& change : effect.changes) uses.add(change);
  for (const engine::TopicDescription& topic : effect.new_topics) uses.topics.insert(topic.name);
  uses.topics.insert(effect.dropped_topics.begin(), effect.dropped_topics.end());
  if (effect.started)
    uses.sources.insert(effect.started->plan.sources.begin(), effect.started->plan.sources.end());
  return uses;
}

bool says_how_many_replicas(const engine::Statement& statement) {
  const auto* create = std::get_if<engine::CreateSource>(&statement);
  return create != nullptr && engine::find_property(create->properties, "REPLICAS") != nullptr;
}

// Whether the statement is a DROP ... CASCADE.
bool drops_dependents(const engine::Statement& statement) {
  const auto* sources = std::get_if<engine::DropSources>(&statement);
  const auto* views = std::get_if<engine::DropViews>(&statement);
  const auto* schemas = std::get_if<engine::DropSchemas>(&statement);
  return (sources && sources->cascade) || (views && views->cascade) ||
         (schemas && schemas->cascade);
}

Error not_in_transaction(const ParsedStatement& statement) {
  std::string_view words = statement.text;
  words = words.substr(0, words.find_first_of("('\n"));
  constexpr size_t kShown = 60;
  return Error{
      ErrorCode::NotSupported,
      fmt::format("{} within a transaction is not supported yet",
                  command_tag(statement.statement) == "OK" ? words.substr(0, kShown)
                                                           : command_tag(statement.statement)),
      "ROLLBACK could not undo it.",
      "Use COMMIT first, and run the statement outside of a transaction (in a driver: in "
      "autocommit mode)."};
}

// Returns the changes that make the user of the statement the owner of the topics that the statement creates.
std::vector<storage::UserChange> rights_of_maker(const Effect& effect, const MetadataImage& image,
                                                 const Asker& asker) {
  std::vector<storage::UserChange> changes;
  for (const engine::TopicDescription& topic : effect.new_topics)
    for (storage::UserChange& change : owned_by(*image.users, topic.name, asker))
      changes.push_back(std::move(change));
  const auto declare = [&](const std::string& source, const Asker& role) {
    for (storage::UserChange& change : declared_by(*image.users, source, role))
      changes.push_back(std::move(change));
  };
  for (const DefinitionChange& change : effect.changes) {
    const auto* erase = std::get_if<EraseSource>(&change);
    if (erase) declare(erase->name, std::nullopt);
    const auto* put = std::get_if<PutSource>(&change);
    if (!put || image.catalog->find_source(put->source->name)) continue;
    const bool is_new_topic =
        std::ranges::find(effect.new_topics, put->source->topic, &engine::TopicDescription::name) !=
        effect.new_topics.end();
    declare(put->source->name, is_new_topic ? std::nullopt : asker);
  }
  return changes;
}

Result<PlannedDefinition> plan_user_definition(const ParsedStatement& statement,
                                               const MetadataImage& image, const Asker& asker) {
  PlannedUsers users = TRY(plan_users(statement.statement, image, asker));
  PlannedDefinition planned;
  planned.tag = std::move(users.tag);
  planned.notices = std::move(users.notices);
  planned.is_nothing = users.changes.empty();
  std::string part = storage::encode_user_changes(users.changes);
  // The part is checked before it is appended, because a command that cannot be applied would stop every node.
  TRY(storage::apply_user_changes(*image.users, part));
  planned.command.parts.push_back({std::string(storage::kUsersPart), std::move(part)});
  return planned;
}

}  // namespace

bool is_definition(const engine::Statement& statement) {
  return std::visit(
      []<class T>(const T&) {
        return std::is_same_v<T, engine::CreateSource> ||
               std::is_same_v<T, engine::CreateAsSelect> ||
               std::is_same_v<T, engine::InsertSelect> || std::is_same_v<T, engine::DropSource> ||
               std::is_same_v<T, engine::DropSources> || std::is_same_v<T, engine::Truncate> ||
               std::is_same_v<T, engine::AddPrimaryKey> ||
               std::is_same_v<T, engine::AlterColumns> || std::is_same_v<T, engine::AlterDefault> ||
               std::is_same_v<T, engine::CreateSequence> ||
               std::is_same_v<T, engine::AlterSequence> ||
               std::is_same_v<T, engine::DropSequences> ||
               std::is_same_v<T, engine::CreateSchema> || std::is_same_v<T, engine::DropSchemas> ||
               std::is_same_v<T, engine::CommentOn> || std::is_same_v<T, engine::AlterSource> ||
               std::is_same_v<T, engine::CreateType> || std::is_same_v<T, engine::DropType> ||
               std::is_same_v<T, engine::ControlQuery> || std::is_same_v<T, engine::AlterSystem> ||
               std::is_same_v<T, engine::CreateView> || std::is_same_v<T, engine::DropViews> ||
               std::is_same_v<T, engine::RenameRelation> ||
               std::is_same_v<T, engine::ChangeConstraint> ||
               std::is_same_v<T, engine::CreateRole> || std::is_same_v<T, engine::AlterRole> ||
               std::is_same_v<T, engine::DropRole> || std::is_same_v<T, engine::ChangeRights> ||
               std::is_same_v<T, engine::ChangeOwner>;
      },
      statement);
}

namespace {

// Returns the table name of an ALTER TABLE IF EXISTS whose table does not exist; null for all other statements.
const engine::Name* missing_if_exists(const engine::Statement& statement,
                                      const engine::Catalog& catalog) {
  const engine::Name* table = nullptr;
  if (const auto* alter = std::get_if<engine::AlterColumns>(&statement); alter && alter->if_exists)
    table = &alter->table.name;
  if (const auto* add = std::get_if<engine::AddPrimaryKey>(&statement); add && add->if_exists)
    table = &add->table.name;
  if (const auto* value = std::get_if<engine::AlterDefault>(&statement); value && value->if_exists)
    table = &value->table.name;
  if (const auto* alter = std::get_if<engine::AlterSource>(&statement); alter && alter->if_exists)
    table = &alter->name;
  if (const auto* change = std::get_if<engine::ChangeConstraint>(&statement);
      change && change->if_exists)
    table = &change->table.name;
  return table && !catalog.find_source(table->text) ? table : nullptr;
}

// Checks whether the user may change the streams and tables that the statement names. This check
// comes before the other checks, because their errors could list queries of the owner, which a user
// without the right must not see.
Status check_named(const engine::Statement& statement, const MetadataImage& image,
                   const Asker& asker) {
  const auto source_of = [&](const engine::Name& name) {
    return image.catalog->find_source(name.text);
  };
  const auto check_one_drop = [&](const engine::DropSource& drop) -> Status {
    const engine::DataSource* source = source_of(drop.name);
    if (!source || source->kind != drop.kind) return {};
    return check_drop(*image.users, asker, *source);
  };
  const auto check_change = [&](const engine::TableName& table) -> Status {
    const engine::DataSource* source = source_of(table.name);
    return source ? check_owner(*image.users, asker, *source) : Status{};
  };
  if (const auto* drop = std::get_if<engine::DropSource>(&statement)) return check_one_drop(*drop);
  if (const auto* all = std::get_if<engine::DropSources>(&statement))
    for (const engine::DropSource& drop : all->drops) TRY(check_one_drop(drop));
  if (const auto* truncate = std::get_if<engine::Truncate>(&statement))
    for (const engine::TableName& table : truncate->tables) TRY(check_change(table));
  if (const auto* alter = std::get_if<engine::AlterColumns>(&statement))
    return check_change(alter->table);
  if (const auto* add = std::get_if<engine::AddPrimaryKey>(&statement))
    return check_change(add->table);
  return {};
}

// Gives SERIAL and IDENTITY columns in a cluster their sequences. Fails with NotSupported for an
// existing topic, since the numbers in its rows are unknown.
Status give_own_sequences(Effect& effect, const engine::Catalog& catalog,
                          const std::function<Uuid()>& new_id, const Asker& asker) {
  std::vector<DefinitionChange> sequences;
  for (DefinitionChange& change : effect.changes) {
    auto* put = std::get_if<PutSource>(&change);
    if (!put) continue;
    engine::NumberedTable numbered = engine::with_own_sequences(put->source, catalog, new_id);
    put->source = std::move(numbered.table);
    if (!numbered.made.empty() &&
        std::ranges::find(effect.new_topics, put->source->topic, &engine::TopicDescription::name) ==
            effect.new_topics.end())
      return Error{
          ErrorCode::NotSupported,
          fmt::format("SERIAL and IDENTITY columns of a table whose topic already exists, \"{}\", "
                      "are not supported in a cluster yet",
                      put->source->topic),
          {},
          "Use CREATE SEQUENCE ... START, and declare the column with DEFAULT nextval('its "
          "name')."};
    for (engine::Sequence& each : numbered.made) {
      each.owner_role = asker.value_or("");
      sequences.push_back(PutSequence{std::make_shared<const engine::Sequence>(std::move(each))});
    }
  }
  std::ranges::move(sequences, std::back_inserter(effect.changes));
  return {};
}

// A CREATE ... AS without KAFKA_TOPIC has a default topic. If this topic belongs to a relation that
// has been renamed, returns the statement with a topic that does not exist yet. In a transaction,
// the same is done for any existing topic, because ROLLBACK could not remove the query's records
// from it. Otherwise returns nullopt.
std::optional<engine::CreateAsSelect> to_free_topic(const ParsedStatement& statement,
                                                    const engine::Catalog& catalog,
                                                    const engine::Topics& topics,
                                                    const engine::EngineSettings& settings,
                                                    bool is_in_transaction) {
  const auto* create = std::get_if<engine::CreateAsSelect>(&statement.statement);
  if (!create || create->is_temporary || settings.ksqldb_compat ||
      engine::find_property(create->properties, "KAFKA_TOPIC") ||
      catalog.find_source(create->name.text))
    return std::nullopt;
  const std::string usual = engine::default_topic_name(create->name.text, settings);
  const std::string topic =
      is_in_transaction && topics.find(usual)
          ? engine::free_topic_name(usual, topics)
          : engine::topic_of_new(create->name.text, catalog, topics, settings);
  if (topic == usual) return std::nullopt;
  engine::CreateAsSelect other;
  other.kind = create->kind;
  other.or_replace = create->or_replace;
  other.if_not_exists = create->if_not_exists;
  other.name = create->name;
  other.name_position = create->name_position;
  other.query = clone(create->query);
  for (const engine::Property& each : create->properties)
    other.properties.push_back({each.name, each.written_name, clone(*each.value), each.position});
  other.properties.push_back(
      {"KAFKA_TOPIC", "KAFKA_TOPIC",
       engine::make_expression(engine::StringLiteral{topic}, create->name_position),
       create->name_position});
  return other;
}

// The topic of the query's result has a generated name. Makes a later DROP remove this topic, too, because no user has
// chosen it.
void own_topic_of_result(Effect& effect) {
  if (!effect.started || !effect.started->sink) return;
  auto owning = std::make_shared<engine::DataSource>(*effect.started->sink);
  owning->owns_topic = true;
  for (DefinitionChange& change : effect.changes)
    if (auto* put = std::get_if<PutSource>(&change); put && put->source->name == owning->name)
      put->source = owning;
  effect.notices.push_back(
      fmt::format("topic \"{}\" is new, because the topic of the usual name has records already",
                  owning->topic));
  effect.started->sink = std::move(owning);
}

}  // namespace

Result<PlannedDefinition> plan_definition(const ParsedStatement& statement,
                                          const MetadataImage& image,
                                          const engine::EngineSettings& settings,
                                          const Properties& properties,
                                          const DefinitionSources& sources, const Asker& asker) {
  const engine::VisibleNamesInUse visible(visible_to(*image.users, asker));
  if (is_user_statement(statement.statement)) {
    if (sources.transaction) return not_in_transaction(statement);
    return plan_user_definition(statement, image, asker);
  }
  const TransactionTopics topics(image, sources.transaction);
  engine::Registrar registrar =
      sources.outside ? engine::Registrar(*sources.outside) : engine::Registrar(*image.schemas);
  const std::function<Status(const engine::DataSource&)> may_read =
      [&](const engine::DataSource& source) { return check_read(*image.users, asker, source); };
  if (const engine::Name* missing = missing_if_exists(statement.statement, *image.catalog)) {
    PlannedDefinition nothing;
    nothing.tag = command_tag(statement.statement);
    nothing.notices.push_back(fmt::format("relation \"{}\" does not exist, skipping",
                                          engine::display_name(missing->text)));
    nothing.is_nothing = true;
    return nothing;
  }
  TRY(check_named(statement.statement, image, asker));
  const std::optional<engine::CreateAsSelect> elsewhere = to_free_topic(
      statement, *image.catalog, topics, engine::effective_settings(settings, properties),
      sources.transaction != nullptr);
  const Planner planner{image,          topics,    settings,     properties,
                        statement,      registrar, may_read,     sources.rekeyed,
                        sources.new_id, asker,     sources.facts};
  Result<Effect> visited =
      elsewhere ? planner(*elsewhere) : std::visit(planner, statement.statement);
  if (elsewhere && visited) own_topic_of_result(*visited);
  PlannedDefinition planned;
  planned.questions = registrar.questions();
  if (std::ranges::any_of(planned.questions, &engine::SchemaQuestion::is_read)) return planned;
  // The object may not be found because another open transaction has defined it. In this case the error LockTimeout
  // explains the failure better.
  if (!visited) {
    DefinitionUses uses;
    if (const auto* create = std::get_if<engine::CreateSource>(&statement.statement))
      uses.sources.insert(create->name.text);
    if (const auto* create = std::get_if<engine::CreateAsSelect>(&statement.statement))
      uses.sources.insert(create->name.text);
    TRY(check_not_open_elsewhere(uses, image, sources.transaction));
  }
  Effect effect = TRY(std::move(visited));
  if (!sources.facts.supports(Feature::LocalSerials))
    TRY(give_own_sequences(effect, *image.catalog, sources.new_id, asker));
  if (!std::holds_alternative<engine::CommentOn>(statement.statement) &&
      !std::holds_alternative<engine::AlterColumns>(statement.statement))
    keep_comments(effect, *image.catalog);
  const engine::PlanContext view_context{.catalog = *image.catalog,
                                         .topics = topics,
                                         .settings = settings,
                                         .properties = properties,
                                         .fold_quoted_names = !settings.ksqldb_compat};
  if (!std::holds_alternative<engine::RenameRelation>(statement.statement))
    TRY(add_dependent_views(effect.changes, effect.notices, drops_dependents(statement.statement),
                            view_context, image));
  TRY(check_rights(statement.statement, effect, image, asker));
  planned.tag = command_tag(statement.statement);
  planned.notices = effect.notices;
  planned.is_nothing = effect.is_nothing;
  if (effect.is_nothing) return planned;
  TRY(check_stands_nowhere(effect, image));
  TRY(check_not_open_elsewhere(uses_of(effect), image, sources.transaction));
  if (!planned.questions.empty()) return planned;
  if (effect.started) planned.started_query = effect.started->plan.id;

  Resolver resolver(image, properties, sources);
  planned.command.parts = resolver.topic_parts(effect);
  DefinitionCommand command{statement.text, properties, settings, effect.changes};
  for (engine::RegistryChange& change : registrar.take_changes())
    command.changes.push_back(ChangeSchemas{std::move(change)});
  if (effect.started)
    command.changes.push_back(PutQuery{resolver.started_query(effect, statement.text)});
  TRY(materialize_tables(effect, image, resolver, command.changes));
  if (sources.transaction) {
    const auto noted = resolver.open().notes_of(command.changes);
    if (!noted)
      return noted.error().code == ErrorCode::NotSupported ? not_in_transaction(statement)
                                                           : noted.error();
    if (sources.process && !noted->empty() &&
        !image.open_definitions.contains(*sources.transaction))
      command.changes.push_back(OwnTransaction{*sources.transaction, *sources.process});
    command.changes.insert(command.changes.end(), noted->begin(), noted->end());
    planned.kept_topics = resolver.open().dropped_topics();
    planned.kept_topics.insert(resolver.renamed_topics().begin(), resolver.renamed_topics().end());
  }
  TRY(check_supported(command.changes, sources.facts));
  if (says_how_many_replicas(statement.statement))
    for (const engine::TopicDescription& topic : effect.new_topics)
      planned.replicas.factor = topic.replicas;
  if (!sources.facts.places_replicas())
    for (const engine::TopicDescription& topic : effect.new_topics)
      if (topic.replicas > 1)
        planned.notices.push_back(fmt::format(
            "REPLICAS = {} has no effect: a single server keeps one copy of topic \"{}\"",
            topic.replicas, topic.name));
  for (const DefinitionChange& change : command.changes)
    if (const auto* put = std::get_if<PutQuery>(&change);
        put && !image.find_query(put->query->plan->id))
      planned.new_queries.push_back(put->query->plan->id);
  planned.command.parts.push_back({std::string(kSqlPart), encode_definition(command)});
  if (auto owned = rights_of_maker(effect, image, asker); !owned.empty())
    planned.command.parts.push_back(
        {std::string(storage::kUsersPart), storage::encode_user_changes(owned)});
  return planned;
}

std::string command_tag(const engine::Statement& statement) {
  const auto kind = [](engine::SourceKind source) {
    return source == engine::SourceKind::Stream ? "STREAM" : "TABLE";
  };
  if (const auto* create = std::get_if<engine::CreateSource>(&statement))
    return fmt::format("CREATE {}", kind(create->kind));
  if (const auto* create = std::get_if<engine::CreateAsSelect>(&statement))
    return fmt::format("CREATE {}", kind(create->kind));
  if (const auto* drop = std::get_if<engine::DropSource>(&statement))
    return fmt::format("DROP {}", kind(drop->kind));
  if (std::holds_alternative<engine::DropSources>(statement)) return "DROP TABLE";
  if (std::holds_alternative<engine::Truncate>(statement)) return "TRUNCATE TABLE";
  if (std::holds_alternative<engine::AddPrimaryKey>(statement)) return "ALTER TABLE";
  if (std::holds_alternative<engine::AlterColumns>(statement)) return "ALTER TABLE";
  if (std::holds_alternative<engine::AlterDefault>(statement)) return "ALTER TABLE";
  if (std::holds_alternative<engine::CreateSequence>(statement)) return "CREATE SEQUENCE";
  if (std::holds_alternative<engine::AlterSequence>(statement)) return "ALTER SEQUENCE";
  if (std::holds_alternative<engine::DropSequences>(statement)) return "DROP SEQUENCE";
  if (std::holds_alternative<engine::CreateSchema>(statement)) return "CREATE SCHEMA";
  if (std::holds_alternative<engine::DropSchemas>(statement)) return "DROP SCHEMA";
  if (const auto* create = std::get_if<engine::CreateView>(&statement))
    return create->is_materialized ? "CREATE MATERIALIZED VIEW" : "CREATE VIEW";
  if (const auto* drop = std::get_if<engine::DropViews>(&statement))
    return drop->is_materialized ? "DROP MATERIALIZED VIEW" : "DROP VIEW";
  if (const auto* change = std::get_if<engine::ChangeConstraint>(&statement)) return change->tag;
  if (const auto* rename = std::get_if<engine::RenameRelation>(&statement))
    return rename->kind == engine::RelationKind::View               ? "ALTER VIEW"
           : rename->kind == engine::RelationKind::MaterializedView ? "ALTER MATERIALIZED VIEW"
           : rename->kind == engine::RelationKind::Stream           ? "ALTER STREAM"
                                                                    : "ALTER TABLE";
  if (std::holds_alternative<engine::CommentOn>(statement)) return "COMMENT";
  if (const auto* alter = std::get_if<engine::AlterSource>(&statement))
    return fmt::format("ALTER {}", kind(alter->kind));
  if (std::holds_alternative<engine::InsertSelect>(statement)) return "CREATE QUERY";
  if (std::holds_alternative<engine::AlterSystem>(statement)) return "ALTER SYSTEM";
  if (const auto* create = std::get_if<engine::CreateType>(&statement))
    return create->is_domain ? "CREATE DOMAIN" : "CREATE TYPE";
  if (const auto* drop = std::get_if<engine::DropType>(&statement))
    return drop->is_domain ? "DROP DOMAIN" : "DROP TYPE";
  if (const auto* control = std::get_if<engine::ControlQuery>(&statement)) {
    switch (control->action) {
      case engine::QueryAction::Terminate:
        return "TERMINATE QUERY";
      case engine::QueryAction::Pause:
        return "PAUSE QUERY";
      case engine::QueryAction::Resume:
        return "RESUME QUERY";
    }
  }
  return "OK";
}

}  // namespace server
