#include "server/metadata/apply_command.h"

#include <fmt/format.h>

#include <cassert>

#include "base/log.h"
#include "storage/meta/metadata_parts.h"

// The switch over the kinds of parts has no default case, so that the compiler reports a missing
// one. A part of an unknown kind would make each start of the server fail.
#pragma GCC diagnostic error "-Wswitch"

namespace server {

namespace {

using engine::Catalog;
using engine::DesiredState;
using Kind = storage::MetadataPartKind;

// Adds the member `made_at` to the JSON of a row that this program cannot read. The rest of the
// JSON is stored unchanged.
void add_made_at(std::string& row, Revision revision) {
  assert(row.ends_with('}'));
  row.insert(row.size() - 1, fmt::format(",\"made_at\":{}", revision.value()));
}

struct ChangeApplier {
  MetadataImage& image;
  Catalog& catalog;
  engine::SchemaRegistry& schemas;
  ImageChange& change;

  void operator()(const PutSource& put) const {
    if (put.unread_row.empty()) {
      image.unread_sources.erase(put.source->name);
    } else {
      log_error("a stream or table cannot be read name={}", put.source->name);
      image.unread_sources.set(put.source->name, put.unread_row);
    }
    catalog.put(put.source);
  }
  void operator()(const EraseSource& erase) const {
    catalog.erase_source(erase.name);
    image.unread_sources.erase(erase.name);
  }
  void operator()(const PutQuery& put) const {
    // The hidden query of a declared table is not added to the catalog: a query in the catalog that
    // reads the table would block statements such as DROP TABLE.
    if (put.query->query->kind != engine::QueryKind::SourceTable) catalog.put(put.query->query);
    DefinedQueryPtr query = put.query;
    if (query->journal && query->made_at == Revision{}) {
      auto made = std::make_shared<DefinedQuery>(*query);
      made->made_at = made->planned_at = image.revision;
      if (!made->unread_row.empty()) add_made_at(made->unread_row, image.revision);
      query = std::move(made);
    }
    image.put(query);
    change.started.push_back(std::move(query));
  }
  void operator()(const EraseQuery& erase) const {
    catalog.erase_query(erase.id);
    DefinedQueryPtr query = image.find_query(erase.id);
    if (!query) return;
    image.erase_query(erase.id);
    change.ended.push_back(std::move(query));
  }
  void operator()(const SetQueryState& set) const {
    const DefinedQueryPtr present = image.find_query(set.id);
    if (!present || present->query->state == set.state) return;
    auto row = std::make_shared<engine::PersistentQuery>(*present->query);
    row->state = set.state;
    auto changed = std::make_shared<DefinedQuery>(*present);
    changed->query = row;
    if (row->kind != engine::QueryKind::SourceTable) catalog.put(std::move(row));
    image.put(std::move(changed));
    // While the query is stopped because a rebuild replaces another query with it (DefinedQuery::stands), its tasks are
    // neither paused nor resumed. They get the state of `row` when the rebuild ends.
    if (present->stands) return;
    (set.state == DesiredState::Paused ? change.paused : change.resumed).push_back(set.id);
  }
  void operator()(const PutType& put) const { catalog.types[put.name] = put.type; }
  void operator()(const EraseType& erase) const { catalog.types.erase(erase.name); }
  void operator()(const PutSequence& put) const {
    catalog.sequences.set(put.sequence->name, put.sequence);
  }
  void operator()(const EraseSequence& erase) const { catalog.sequences.erase(erase.name); }
  void operator()(const MoveSequence& move) const {
    const engine::SequencePtr* present = catalog.sequences.get(move.name);
    if (!present || (*present)->id != move.id) return;
    auto moved = std::make_shared<engine::Sequence>(**present);
    moved->last_value = move.last_value;
    moved->is_called = move.is_called;
    moved->version = move.version;
    catalog.sequences.set(move.name, std::move(moved));
  }
  void operator()(const PutView& put) const { catalog.views.set(put.view->name, put.view); }
  void operator()(const EraseView& erase) const { catalog.views.erase(erase.name); }
  void operator()(const SetQueryNames& set) const {
    const DefinedQueryPtr present = image.find_query(set.id);
    if (!present) return;
    auto row = std::make_shared<engine::PersistentQuery>(*present->query);
    row->sink = set.sink;
    row->sources = set.sources;
    auto changed = std::make_shared<DefinedQuery>(*present);
    changed->query = row;
    if (row->kind != engine::QueryKind::SourceTable) catalog.put(std::move(row));
    image.put(std::move(changed));
  }
  void operator()(const PutSchemaName& put) const { catalog.schemas.insert(put.name); }
  void operator()(const EraseSchemaName& erase) const { catalog.schemas.erase(erase.name); }
  void operator()(const SetSystemProperty& set) const {
    catalog.system_properties[set.name] = set.value;
  }
  void operator()(const SetNextQueryNumber& set) const { catalog.next_query_number = set.number; }
  void operator()(const ChangeSchemas& changed) const { schemas.apply(changed.change); }

  template <class Note>
  void note(const Uuid& transaction, Note add) const {
    auto& open = image.open_definitions[transaction];
    auto more =
        open ? std::make_shared<OpenDefinitions>(*open) : std::make_shared<OpenDefinitions>();
    add(*more);
    open = std::move(more);
  }
  void operator()(const NoteUndo& noted) const {
    note(noted.transaction, [&](OpenDefinitions& open) { open.undo.push_back(noted.undo); });
  }
  void operator()(const NoteTopic& noted) const {
    note(noted.transaction, [&](OpenDefinitions& open) {
      (noted.is_made ? open.made_topics : open.dropped_topics).push_back(noted.topic);
    });
  }
  void operator()(const OwnTransaction& own) const {
    note(own.transaction, [&](OpenDefinitions& open) { open.owner = own.owner; });
  }
  void operator()(const EndTransaction& end) const {
    const auto open = image.open_definitions.find(end.transaction);
    if (open == image.open_definitions.end()) return;
    change.released.insert(change.released.end(), open->second->dropped_topics.begin(),
                           open->second->dropped_topics.end());
    image.open_definitions.erase(open);
  }
};

}  // namespace

void apply_changes(const std::vector<DefinitionChange>& changes, MetadataImage& image,
                   ImageChange& change) {
  auto catalog = std::make_shared<Catalog>(*image.catalog);
  auto schemas = std::make_shared<engine::SchemaRegistry>(*image.schemas);
  for (const DefinitionChange& each : changes)
    std::visit(ChangeApplier{image, *catalog, *schemas, change}, each);
  image.catalog = std::move(catalog);
  image.schemas = std::move(schemas);
}

ReadCommand read_definitions(Revision revision, storage::MetadataCommand command) {
  ReadCommand read{revision, std::move(command), {}};
  for (const storage::MetadataPart& part : read.command.parts)
    if (part.type == kSqlPart) read.definitions.push_back(decode_definition(part.bytes));
  return read;
}

Result<ImageChange> apply_command(const MetadataImage& image, storage::TopicTable& topics,
                                  const ReadCommand& read) {
  const auto& [revision, command, definitions] = read;
  ImageChange change;
  storage::TopicTable changed = topics;
  auto next = std::make_shared<MetadataImage>(image);
  next->revision = revision;
  auto next_definition = definitions.begin();
  for (const storage::MetadataPart& part : command.parts) {
    switch (storage::kind_of_part(part.type)) {
      case Kind::TopicPart:
        change.topics.push_back(TRY(changed.apply(part.bytes)));
        break;
      case Kind::QuotaPart:
        next->quotas = std::make_shared<const storage::ClientQuotas>(
            TRY(storage::apply_quota_changes(*next->quotas, part.bytes)));
        break;
      case Kind::GroupConfigPart:
        next->group_configs = std::make_shared<const storage::GroupConfigs>(
            TRY(storage::apply_group_configs(*next->group_configs, part.bytes)));
        break;
      case Kind::TopicDefaultPart:
        changed.set_defaults(
            {TRY(storage::decode_topic_defaults(part.bytes)), changed.defaults().started_with});
        break;
      case Kind::UserPart:
        next->users = std::make_shared<const storage::Users>(
            TRY(storage::apply_user_changes(*next->users, part.bytes)));
        break;
      case Kind::ConnectorPart:
        next->connectors = std::make_shared<const storage::Connectors>(
            TRY(storage::apply_connector_changes(*next->connectors, part.bytes)));
        break;
      case Kind::LinkPart:
        next->links = std::make_shared<const storage::LinkTable>(
            TRY(storage::apply_link_changes(*next->links, part.bytes)));
        break;
      case Kind::DefinitionPart: {
        const Result<DefinitionCommand>& definition = *next_definition++;
        if (!definition && definition.error().code == ErrorCode::IncompatibleFormat)
          return definition.error();
        if (definition) {
          apply_changes(definition->changes, *next, change);
          break;
        }
        // The definition is so damaged that its names are unknown. So no object can show the state
        // ERROR, and SHOW SERVER lists the definition instead.
        next->left_out.push_back(
            fmt::format("revision {}: {}", revision.value(), definition.error().message));
        log_error("a definition is ignored revision={} error=\"{}\"", revision.value(),
                  definition.error().message);
        break;
      }
      case Kind::ClusterPart:
        break;  // replication has already applied this part
      case Kind::UnknownPart:
        return Error{ErrorCode::IncompatibleFormat,
                     "the metadata log has a kind of command that this version does not support"};
    }
  }
  next->topics = changed.snapshot();
  topics = std::move(changed);
  change.next = std::move(next);
  return change;
}

storage::MetadataSnapshot snapshot_of(const MetadataImage& image,
                                      const storage::TopicTable& topics) {
  storage::MetadataSnapshot snapshot{
      image.revision,
      {{{std::string(storage::kTopicsPart), topics.save()},
        {std::string(kSqlPart), encode_definition(whole_definition(image))}}}};
  if (!image.quotas->empty())
    snapshot.state.parts.push_back(
        {std::string(storage::kQuotasPart), storage::encode_quotas(*image.quotas)});
  if (!image.group_configs->empty())
    snapshot.state.parts.push_back({std::string(storage::kGroupConfigsPart),
                                    storage::encode_group_configs(*image.group_configs)});
  if (const storage::TopicDefaults defaults = topics.defaults(); !defaults.cluster_wide.empty())
    snapshot.state.parts.push_back({std::string(storage::kTopicDefaultsPart),
                                    storage::encode_topic_defaults(defaults.cluster_wide)});
  if (*image.users != storage::Users{})
    snapshot.state.parts.push_back(
        {std::string(storage::kUsersPart), storage::encode_users(*image.users)});
  if (!image.connectors->empty())
    snapshot.state.parts.push_back(
        {std::string(storage::kConnectorsPart), storage::encode_connectors(*image.connectors)});
  if (!image.links->empty())
    snapshot.state.parts.push_back(
        {std::string(storage::kLinksPart), storage::encode_links(*image.links)});
  return snapshot;
}

Result<ImageChange> apply_snapshot(const storage::MetadataSnapshot& snapshot,
                                   storage::TopicTable& topics) {
  ImageChange change;
  auto image = std::make_shared<MetadataImage>();
  image->revision = snapshot.revision;
  storage::TopicTable loaded;
  storage::TopicDefaults defaults{{}, topics.defaults().started_with};
  for (const storage::MetadataPart& part : snapshot.state.parts) {
    switch (storage::kind_of_part(part.type)) {
      case Kind::TopicPart:
        loaded = TRY(storage::TopicTable::load(part.bytes));
        break;
      case Kind::QuotaPart:
        image->quotas = std::make_shared<const storage::ClientQuotas>(
            TRY(storage::apply_quota_changes({}, part.bytes)));
        break;
      case Kind::GroupConfigPart:
        image->group_configs = std::make_shared<const storage::GroupConfigs>(
            TRY(storage::apply_group_configs({}, part.bytes)));
        break;
      case Kind::TopicDefaultPart:
        defaults.cluster_wide = TRY(storage::decode_topic_defaults(part.bytes));
        break;
      case Kind::UserPart:
        image->users = std::make_shared<const storage::Users>(
            TRY(storage::apply_user_changes({}, part.bytes)));
        break;
      case Kind::ConnectorPart:
        image->connectors = std::make_shared<const storage::Connectors>(
            TRY(storage::apply_connector_changes({}, part.bytes)));
        break;
      case Kind::LinkPart:
        image->links = std::make_shared<const storage::LinkTable>(
            TRY(storage::apply_link_changes({}, part.bytes)));
        break;
      case Kind::DefinitionPart:
        apply_changes(TRY(decode_definition(part.bytes)).changes, *image, change);
        break;
      case Kind::ClusterPart:  // replication has already removed this part
      case Kind::UnknownPart:
        return Error{ErrorCode::IncompatibleFormat,
                     "the metadata snapshot has a part that this version does not support"};
    }
  }
  if (defaults != storage::TopicDefaults()) loaded.set_defaults(std::move(defaults));
  image->topics = loaded.snapshot();
  topics = std::move(loaded);
  change.next = std::move(image);
  return change;
}

namespace {

// Returns the encoded definition with the state Running, so that two definitions that differ only
// in the wanted state are equal.
std::string definition_of(const DefinedQuery& query) {
  auto row = std::make_shared<engine::PersistentQuery>(*query.query);
  row->state = DesiredState::Running;
  auto same = std::make_shared<DefinedQuery>(query);
  same->query = std::move(row);
  DefinitionCommand command;
  command.changes.push_back(PutQuery{std::move(same)});
  return encode_definition(command);
}

// Returns whether the query's tasks continue. They do if its definition is unchanged, or if it has
// got a new plan that continues with the same state.
bool goes_on(const DefinedQuery& before, const DefinedQuery& now) {
  if (before.journal && now.journal) return before.made_at == now.made_at;
  return definition_of(before) == definition_of(now);
}

void compare_queries(const MetadataImage& before, ImageChange& change) {
  change.started.clear();
  for (const auto& [id, query] : change.next->queries()) {
    const DefinedQueryPtr known = before.find_query(id);
    if (!known || definition_of(*known) != definition_of(*query)) {
      change.started.push_back(query);
    } else if (known->query->state != query->query->state) {
      (query->query->state == DesiredState::Paused ? change.paused : change.resumed).push_back(id);
    }
  }
  for (const auto& [id, query] : before.queries()) {
    const DefinedQueryPtr now = change.next->find_query(id);
    if (!now || !goes_on(*query, *now)) change.ended.push_back(query);
  }
}

void compare_topics(const MetadataImage& before, ImageChange& change) {
  for (const auto& [name, topic] : before.topics->by_name()) {
    const storage::TopicInfo* now = change.next->topics->find(topic.id);
    if (now == nullptr)
      change.topics.push_back({topic, std::nullopt});
    else if (*now != topic)
      change.topics.push_back({topic, *now});
  }
  for (const auto& [name, topic] : change.next->topics->by_name())
    if (before.topics->find(topic.id) == nullptr) change.topics.push_back({std::nullopt, topic});
}

}  // namespace

Result<ImageChange> jump_to_snapshot(const MetadataImage& image,
                                     const storage::MetadataSnapshot& snapshot,
                                     storage::TopicTable& topics) {
  ImageChange change = TRY(apply_snapshot(snapshot, topics));
  compare_queries(image, change);
  compare_topics(image, change);
  return change;
}

}  // namespace server
