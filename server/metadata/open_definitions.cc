#include "server/metadata/open_definitions.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/passed_numbers.h"

namespace server {

namespace {

const OpenDefinitions* find_open(const MetadataImage& image, const Uuid* transaction) {
  if (!transaction) return nullptr;
  const auto found = image.open_definitions.find(*transaction);
  return found == image.open_definitions.end() ? nullptr : found->second.get();
}

const storage::TopicInfo* find_topic(const std::vector<storage::TopicInfo>& topics,
                                     const Uuid& id) {
  const auto found = std::ranges::find(topics, id, &storage::TopicInfo::id);
  return found == topics.end() ? nullptr : &*found;
}

bool holds(const std::vector<storage::TopicInfo>& topics, const Uuid& id) {
  return find_topic(topics, id) != nullptr;
}

Error is_being_changed(std::string_view topic) {
  return Error{
      ErrorCode::LockTimeout,
      fmt::format("topic \"{}\" was created, dropped or replaced by a transaction that has not "
                  "ended",
                  topic),
      "Records written to it now could be lost when that transaction ends.",
      "Try again after the COMMIT or ROLLBACK of the other session."};
}

DefinitionUses uses_of(const OpenDefinitions& open) {
  DefinitionUses uses;
  for (const auto& undo : open.undo) uses.add(undo->change);
  for (const storage::TopicInfo& topic : open.made_topics) uses.topics.insert(topic.name);
  for (const storage::TopicInfo& topic : open.dropped_topics) uses.topics.insert(topic.name);
  return uses;
}

const std::string* common(const std::set<std::string>& a, const std::set<std::string>& b) {
  const auto found = std::ranges::find_if(a, [&](const auto& name) { return b.contains(name); });
  return found == a.end() ? nullptr : &*found;
}

}  // namespace

void DefinitionUses::add(const DefinitionChange& change) {
  if (const auto* put = std::get_if<PutSource>(&change)) {
    sources.insert(put->source->name);
    topics.insert(put->source->topic);
  }
  if (const auto* erase = std::get_if<EraseSource>(&change)) sources.insert(erase->name);
  if (const auto* put = std::get_if<PutType>(&change)) types.insert(put->name);
  if (const auto* erase = std::get_if<EraseType>(&change)) types.insert(erase->name);
  if (const auto* put = std::get_if<PutSequence>(&change)) sequences.insert(put->sequence->name);
  if (const auto* erase = std::get_if<EraseSequence>(&change)) sequences.insert(erase->name);
  if (const auto* put = std::get_if<PutView>(&change)) sources.insert(put->view->name);
  if (const auto* erase = std::get_if<EraseView>(&change)) sources.insert(erase->name);
  if (const auto* set = std::get_if<SetQueryNames>(&change)) queries.insert(set->id);
  if (const auto* put = std::get_if<PutSchemaName>(&change)) schemas.insert(put->name);
  if (const auto* erase = std::get_if<EraseSchemaName>(&change)) schemas.insert(erase->name);
  if (const auto* erase = std::get_if<EraseQuery>(&change)) queries.insert(erase->id);
  if (const auto* set = std::get_if<SetQueryState>(&change)) queries.insert(set->id);
  if (const auto* put = std::get_if<PutQuery>(&change)) {
    queries.insert(put->query->query->id);
    sources.insert(put->query->query->sources.begin(), put->query->query->sources.end());
  }
}

Status check_not_open_elsewhere(const DefinitionUses& uses, const MetadataImage& image,
                                const Uuid* own) {
  for (const auto& [transaction, open] : image.open_definitions) {
    if (own && transaction == *own) continue;
    const DefinitionUses others = uses_of(*open);
    const std::string* name = common(uses.sources, others.sources);
    if (!name) name = common(uses.types, others.types);
    if (!name) name = common(uses.schemas, others.schemas);
    if (!name) name = common(uses.queries, others.queries);
    if (!name) name = common(uses.sequences, others.sequences);
    if (!name) name = common(uses.topics, others.topics);
    if (name)
      return Error{ErrorCode::LockTimeout,
                   fmt::format("\"{}\" was defined, changed or dropped by a transaction that has "
                               "not ended",
                               *name),
                   {},
                   "Try again after the COMMIT or ROLLBACK of the other session."};
  }
  return {};
}

Status check_not_made_elsewhere(std::string_view topic, const MetadataImage& image,
                                const Uuid* own) {
  if (image.open_definitions.empty()) return {};
  const storage::TopicInfo* info = image.topics->find(topic);
  for (const auto& [transaction, open] : image.open_definitions)
    if (info && !(own && transaction == *own) && holds(open->made_topics, info->id))
      return is_being_changed(topic);
  return {};
}

Status check_not_dropped(const Uuid& topic, const MetadataImage& image) {
  for (const auto& [transaction, open] : image.open_definitions)
    if (const auto* dropped = find_topic(open->dropped_topics, topic))
      return is_being_changed(dropped->name);
  return {};
}

Status check_stays(const Uuid& topic, const MetadataImage& image) {
  TRY(check_not_dropped(topic, image));
  for (const auto& [transaction, open] : image.open_definitions)
    if (const auto* made = find_topic(open->made_topics, topic))
      return is_being_changed(made->name);
  return {};
}

OpenDefiner::OpenDefiner(const Uuid* transaction, const MetadataImage& image)
    : transaction_(transaction), image_(image) {
  if (const OpenDefinitions* open = find_open(image, transaction)) open_ = *open;
}

void OpenDefiner::make_topic(const storage::TopicInfo& topic) {
  if (!transaction_ || holds(open_.made_topics, topic.id)) return;
  open_.made_topics.push_back(topic);
  notes_.push_back(NoteTopic{*transaction_, true, topic});
}

bool OpenDefiner::drop_topic(const storage::TopicInfo& topic) {
  if (!transaction_ || holds(open_.made_topics, topic.id)) return false;
  if (!has_dropped(topic)) {
    open_.dropped_topics.push_back(topic);
    notes_.push_back(NoteTopic{*transaction_, false, topic});
  }
  return true;
}

bool OpenDefiner::has_dropped(const storage::TopicInfo& topic) const {
  return holds(open_.dropped_topics, topic.id);
}

std::set<Uuid> OpenDefiner::dropped_topics() const {
  std::set<Uuid> ids;
  for (const storage::TopicInfo& topic : open_.dropped_topics) ids.insert(topic.id);
  return ids;
}

bool OpenDefiner::has_made(const std::string& topic) const {
  return std::ranges::find(open_.made_topics, topic, &storage::TopicInfo::name) !=
         open_.made_topics.end();
}

std::optional<std::pair<OpenDefiner::Kind, std::string>> OpenDefiner::subject_of(
    const DefinitionChange& change) {
  const auto of = [](Kind kind, const std::string& name) {
    return std::optional(std::pair(kind, name));
  };
  if (const auto* put = std::get_if<PutSource>(&change)) return of(Kind::Source, put->source->name);
  if (const auto* erase = std::get_if<EraseSource>(&change)) return of(Kind::Source, erase->name);
  if (const auto* put = std::get_if<PutQuery>(&change))
    return of(Kind::Query, put->query->query->id);
  if (const auto* erase = std::get_if<EraseQuery>(&change)) return of(Kind::Query, erase->id);
  if (const auto* put = std::get_if<PutType>(&change)) return of(Kind::Type, put->name);
  if (const auto* erase = std::get_if<EraseType>(&change)) return of(Kind::Type, erase->name);
  if (const auto* put = std::get_if<PutSequence>(&change))
    return of(Kind::Sequence, put->sequence->name);
  if (const auto* erase = std::get_if<EraseSequence>(&change))
    return of(Kind::Sequence, erase->name);
  if (const auto* put = std::get_if<PutView>(&change)) return of(Kind::View, put->view->name);
  if (const auto* erase = std::get_if<EraseView>(&change)) return of(Kind::View, erase->name);
  if (const auto* set = std::get_if<SetQueryNames>(&change)) return of(Kind::QueryNames, set->id);
  if (const auto* put = std::get_if<PutSchemaName>(&change)) return of(Kind::Schema, put->name);
  if (const auto* erase = std::get_if<EraseSchemaName>(&change))
    return of(Kind::Schema, erase->name);
  return std::nullopt;
}

// Returns the change that undoes this change; nothing if the change has no effect that must be
// undone.
Result<std::optional<DefinitionChange>> OpenDefiner::undo_of(const DefinitionChange& change) const {
  using Undo = std::optional<DefinitionChange>;
  const Error cannot{ErrorCode::NotSupported, "this cannot be undone"};
  if (std::holds_alternative<SetQueryState>(change) ||
      std::holds_alternative<SetSystemProperty>(change))
    return cannot;
  const auto subject = subject_of(change);
  // A ROLLBACK does not restore these three: reserved numbers, positions of sequences, and registered schemas.
  if (!subject) return Undo();
  const std::string& name = subject->second;
  if (subject->first == Kind::Source) {
    const auto before = image_.catalog->sources().find(name);
    if (before == image_.catalog->sources().end()) return Undo(EraseSource{name});
    const std::string* unread = image_.unread_sources.get(name);
    return Undo(PutSource{before->second, unread ? *unread : std::string()});
  }
  if (subject->first == Kind::Sequence) {
    const engine::SequencePtr* before = image_.catalog->sequences.get(name);
    return before ? Undo(PutSequence{*before}) : Undo(EraseSequence{name});
  }
  if (subject->first == Kind::View) {
    const engine::ViewPtr* before = image_.catalog->views.get(name);
    return before ? Undo(PutView{*before}) : Undo(EraseView{name});
  }
  if (subject->first == Kind::QueryNames) {
    const DefinedQueryPtr before = image_.find_query(name);
    return before ? Undo(SetQueryNames{name, before->query->sink, before->query->sources}) : Undo();
  }
  if (subject->first == Kind::Schema) {
    if (image_.catalog->schemas.contains(name)) return Undo(PutSchemaName{name});
    return Undo(EraseSchemaName{name});
  }
  if (subject->first == Kind::Type) {
    const auto before = image_.catalog->types.find(name);
    if (before == image_.catalog->types.end()) return Undo(EraseType{name});
    return Undo(PutType{name, before->second});
  }
  const DefinedQueryPtr before = image_.find_query(name);
  const auto* put = std::get_if<PutQuery>(&change);
  if (!put && !before) return Undo();
  const DefinedQuery& query = put ? *put->query : *before;
  // The hidden query of a declared table needs no undo of its state, because it always reads its
  // whole topic.
  if (query.query->kind == engine::QueryKind::SourceTable)
    return before ? Undo(PutQuery{before}) : Undo(EraseQuery{name});
  // Only a new query can be undone, and only if it writes to a topic that the same transaction has
  // created. Otherwise the state of a replaced query would be lost, or rows would remain in a topic
  // that exists after the ROLLBACK.
  if (before || !put || put->query->rebuilt_sink || query.plan->stages.empty() ||
      !has_made(query.plan->stages.back().output.topic))
    return cannot;
  return Undo(EraseQuery{name});
}

Result<std::vector<DefinitionChange>> OpenDefiner::notes_of(
    const std::vector<DefinitionChange>& changes) {
  // Limit for the names: each takes time at the end of the transaction, and memory in every image.
  constexpr size_t kMostNames = 10'000;
  std::set<std::pair<Kind, std::string>> known;
  for (const auto& undo : open_.undo)
    if (auto subject = subject_of(undo->change)) known.insert(*std::move(subject));
  for (const DefinitionChange& change : changes) {
    auto subject = subject_of(change);
    if (subject && !known.insert(*subject).second) continue;
    auto undo = TRY(undo_of(change));
    if (!undo) continue;
    auto shared = std::make_shared<const UndoChange>(UndoChange{*std::move(undo)});
    open_.undo.push_back(shared);
    notes_.push_back(NoteUndo{*transaction_, std::move(shared)});
  }
  if (open_.undo.size() > kMostNames)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a transaction can define at most {} objects", kMostNames)};
  return std::move(notes_);
}

namespace {

// Returns the change that restores the earlier definition. A sequence keeps its present position,
// so that it does not return the same number twice.
DefinitionChange undone_now(const DefinitionChange& undo, const MetadataImage& image) {
  const auto* put = std::get_if<PutSequence>(&undo);
  const engine::SequencePtr* present =
      put ? image.catalog->sequences.get(put->sequence->name) : nullptr;
  if (!present || (*present)->id != put->sequence->id) return undo;
  auto undone = std::make_shared<engine::Sequence>(*put->sequence);
  undone->version = (*present)->version + engine::kVersionsOfCount;
  const bool is_behind = undone->increment > 0 ? (*present)->last_value > undone->last_value
                                               : (*present)->last_value < undone->last_value;
  if ((*present)->is_called && is_behind && (*present)->last_value >= undone->min &&
      (*present)->last_value <= undone->max) {
    undone->last_value = (*present)->last_value;
    undone->is_called = true;
  }
  return PutSequence{std::move(undone)};
}

}  // namespace

std::optional<PlannedEnd> plan_transaction_end(const MetadataImage& image, const Uuid& transaction,
                                               TransactionEnd how) {
  const OpenDefinitions* open = find_open(image, &transaction);
  if (!open) return std::nullopt;
  PlannedEnd planned;
  const auto add = [&](std::string bytes) {
    planned.command.parts.push_back({std::string(storage::kTopicsPart), std::move(bytes)});
  };
  DefinitionCommand command;
  if (how == TransactionEnd::Commit) {
    command.sql = "COMMIT";
    for (const storage::TopicInfo& topic : open->dropped_topics)
      if (image.topics->find(topic.id))
        add(storage::encode_delete_topic(topic.id));
      else
        planned.ending.push_back(topic);
  } else {
    command.sql = "ROLLBACK";
    std::set<std::string> gone;
    for (const storage::TopicInfo& topic : open->made_topics)
      if (image.topics->find(topic.id)) {
        add(storage::encode_delete_topic(topic.id));
        // The topic may have got another name since the transaction has made it.
        gone.insert(image.topics->find(topic.id)->name);
      }
    // If a Kafka client has created a topic with the same name in the meantime, the topic that the transaction
    // dropped cannot get its name back. It is deleted.
    for (const storage::TopicInfo& topic : open->dropped_topics) {
      if (image.topics->find(topic.id)) continue;
      if (image.topics->find(topic.name) && !gone.contains(topic.name)) {
        planned.ending.push_back(topic);
        continue;
      }
      planned.returning.insert(topic.id);
      add(storage::encode_create_topic(topic));
    }
    // The queries that the transaction has created are erased before the queries that they replaced
    // are restored.
    const auto take = [&](auto is_taken) {
      for (const auto& undo : open->undo)
        if (is_taken(undo->change)) command.changes.push_back(undone_now(undo->change, image));
    };
    const auto is_end = [](const DefinitionChange& change) {
      return std::holds_alternative<EraseQuery>(change);
    };
    take(is_end);
    take([&](const DefinitionChange& change) { return !is_end(change); });
    for (const DefinitionChange& change : command.changes)
      if (const auto* put = std::get_if<PutQuery>(&change);
          put && !image.find_query(put->query->query->id))
        planned.new_queries.push_back(put->query->query->id);
  }
  command.changes.push_back(EndTransaction{transaction});
  planned.command.parts.push_back({std::string(kSqlPart), encode_definition(command)});
  return planned;
}

TransactionTopics::TransactionTopics(const MetadataImage& image, const Uuid* transaction)
    : topics_(*image.topics), open_(find_open(image, transaction)) {}

bool TransactionTopics::is_dropped(const engine::TopicDescription& topic) const {
  return open_ && holds(open_->dropped_topics, topic.id);
}

std::optional<engine::TopicDescription> TransactionTopics::find(std::string_view name) const {
  auto found = topics_.find(name);
  return found && is_dropped(*found) ? std::nullopt : found;
}

std::vector<engine::TopicDescription> TransactionTopics::all() const {
  std::vector<engine::TopicDescription> topics = topics_.all();
  std::erase_if(topics, [this](const auto& topic) { return is_dropped(topic); });
  return topics;
}

}  // namespace server
