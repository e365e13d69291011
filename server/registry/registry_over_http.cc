#include "server/registry/registry_over_http.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "base/log.h"
#include "server/registry/registry_replies.h"

namespace server {

namespace {

using engine::OutsideSchemas;
using engine::RegisteredSchema;
using engine::SchemaQuestion;
using engine::SchemaTextPtr;

// Limits for the cache and for requests at the same time. In a topic with invalid data each record
// may have another schema id. These ids must neither fill the memory nor cause a flood of requests
// to the registry.
constexpr size_t kMaxEntries = 10'000;
constexpr size_t kMaxKnownBytes = size_t{64} << 20;
constexpr int kMaxAsking = 8;
// Limit for statements that wait for answers.
constexpr int kMaxAnswering = 32;
constexpr size_t kMaxReferences = 200;

size_t bytes_of(const SchemaTextPtr& schema) {
  if (!schema) return 0;
  size_t bytes = schema->text.size();
  for (const auto& reference : schema->references) bytes += reference.text.size();
  return bytes;
}

Error refused(const RegistryReply& reply) {
  return Error{ErrorCode::NetworkFailure,
               fmt::format("the schema registry rejects it: {} (error {})", reply.message(),
                           reply.error_code())};
}

bool is_not_found(const RegistryReply& reply) { return reply.status == 404; }

std::string path_of(const std::string& subject) { return "/subjects/" + percent_encoded(subject); }

}  // namespace

// A schema may refer to other schemas, which may refer to further ones. Loads all of them, one request at a time.
class RegistryOverHttp::Loading : public std::enable_shared_from_this<Loading> {
 public:
  Loading(RegistryClient& client, std::shared_ptr<const RegisteredSchema> schema, Loaded done)
      : client_(client), schema_(std::move(schema)), done_(std::move(done)) {
    open_.assign(schema_->references.begin(), schema_->references.end());
  }

  void next() {
    while (!open_.empty() && seen_.contains({open_.front().subject, open_.front().version}))
      open_.pop_front();
    if (open_.empty()) return finish();
    if (seen_.size() >= kMaxReferences)
      return done_(Error{ErrorCode::NetworkFailure,
                         fmt::format("a schema has more than {} references", kMaxReferences)});
    const engine::SchemaReference wanted = open_.front();
    open_.pop_front();
    client_.ask("GET",
                fmt::format("{}/versions/{}?deleted=true", path_of(wanted.subject), wanted.version),
                "", [self = shared_from_this(), wanted](Result<RegistryReply> reply) {
                  const Status added = self->add(wanted, reply);
                  added ? self->next() : self->done_(added.error());
                });
  }

 private:
  Status add(const engine::SchemaReference& wanted, const Result<RegistryReply>& reply) {
    if (!reply) return reply.error();
    if (reply->status != 200) return refused(*reply);
    const engine::SchemaVersion found = TRY(read_registered(reply->body));
    RegisteredSchema schema = *found.schema;
    // An id that is used only in the temporary registry of this load.
    schema.id = static_cast<int32_t>(seen_.size()) + 1;
    seen_.emplace(wanted.subject, wanted.version);
    engine::RegistrySubject& subject = subjects_[wanted.subject];
    subject.versions.push_back({wanted.version, schema.id});
    std::ranges::sort(subject.versions, {}, &engine::SubjectVersion::version);
    open_.insert(open_.end(), schema.references.begin(), schema.references.end());
    registry_.apply(engine::PutSchema{std::move(schema)});
    registry_.apply(engine::PutSubject{wanted.subject, subject});
    return {};
  }

  void finish() {
    auto text = registry_.resolved(*schema_);
    if (!text) return done_(Error{ErrorCode::NetworkFailure, text.error().message});
    done_(std::make_shared<const engine::SchemaText>(*std::move(text)));
  }

  RegistryClient& client_;
  const std::shared_ptr<const RegisteredSchema> schema_;
  const Loaded done_;
  engine::SchemaRegistry registry_;
  std::map<std::string, engine::RegistrySubject> subjects_;
  std::set<std::pair<std::string, int32_t>> seen_;
  std::deque<engine::SchemaReference> open_;
};

// Handles the SchemaQuestions of a statement (find, register or delete a schema) with one request at a time.
class RegistryOverHttp::Answering : public std::enable_shared_from_this<Answering> {
 public:
  using Done = std::function<void(Result<OutsideSchemas>)>;
  Answering(RegistryOverHttp& owner, std::vector<SchemaQuestion> questions, OutsideSchemas known,
            Done done)
      : owner_(owner),
        questions_(std::move(questions)),
        known_(std::move(known)),
        done_(std::move(done)) {}

  void next() {
    if (at_ == questions_.size()) return finish(std::move(known_));
    const SchemaQuestion& question = questions_[at_++];
    switch (question.kind) {
      case SchemaQuestion::Kind::ById:
        return owner_.load(question.id,
                           on<SchemaTextPtr>([&](Answering& self, SchemaTextPtr schema) {
                             self.known_.by_id[question.id] = std::move(schema);
                             return Status();
                           }));
      case SchemaQuestion::Kind::Latest:
        return ask_latest(question);
      case SchemaQuestion::Kind::Register:
        return ask("POST", path_of(question.subject) + "/versions",
                   registration_json(question.schema),
                   [&](Answering& self, const RegistryReply& reply) {
                     return self.registered(question, reply);
                   });
      case SchemaQuestion::Kind::Delete:
        return ask("DELETE", path_of(question.subject), "",
                   [&](Answering& self, const RegistryReply& reply) -> Status {
                     if (reply.status >= 400 && !is_not_found(reply)) return refused(reply);
                     self.known_.deleted.insert(question.subject);
                     return {};
                   });
    }
  }

 private:
  // Returns a callback that takes a result and continues with the next question. The callback keeps
  // this object, and with it the questions, alive.
  template <class T, class Take>
  std::function<void(Result<T>)> on(Take take) {
    return [self = shared_from_this(), take](Result<T> result) {
      if (!result) return self->finish(std::move(result).error());
      const Status taken = take(*self, *std::move(result));
      taken ? self->next() : self->finish(taken.error());
    };
  }
  template <class Take>
  void ask(std::string method, std::string path, std::string body, Take take) {
    owner_.client_.ask(std::move(method), std::move(path), std::move(body),
                       on<RegistryReply>(take));
  }

  void ask_latest(const SchemaQuestion& question) {
    owner_.client_.ask("GET", path_of(question.subject) + "/versions/latest", "",
                       [self = shared_from_this(), &question](const Result<RegistryReply>& reply) {
                         if (!reply) return self->finish(reply.error());
                         if (is_not_found(*reply)) {
                           self->known_.latest[question.subject] = std::nullopt;
                           return self->next();
                         }
                         if (reply->status != 200) return self->finish(refused(*reply));
                         const auto version = read_registered(reply->body);
                         if (!version) return self->finish(version.error());
                         std::make_shared<Loading>(
                             self->owner_.client_, version->schema,
                             self->on<SchemaTextPtr>([&question, id = version->id](
                                                         Answering& owner, SchemaTextPtr schema) {
                               owner.known_.latest[question.subject] =
                                   OutsideSchemas::Latest{id, std::move(schema)};
                               return Status();
                             }))
                             ->next();
                       });
  }

  Status registered(const SchemaQuestion& question, const RegistryReply& reply) {
    if (reply.status >= 400)
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("Could not register schema for topic: {}", reply.message())};
    known_.registered[OutsideSchemas::registration_key(question.subject, question.schema)] =
        TRY(read_registered_id(reply.body));
    return {};
  }

  void finish(Result<OutsideSchemas> result) {
    {
      const std::lock_guard lock(owner_.mutex_);
      --owner_.answering_;
    }
    done_(std::move(result));
  }

  RegistryOverHttp& owner_;
  const std::vector<SchemaQuestion> questions_;
  OutsideSchemas known_;
  const Done done_;
  size_t at_ = 0;
};

RegistryOverHttp::RegistryOverHttp(std::vector<HttpEndpoint> endpoints, const Clock& clock,
                                   RegistryClient::Limits limits, Pace pace)
    : clock_(clock), pace_(pace), client_(std::move(endpoints), limits) {}

void RegistryOverHttp::load(int32_t id, Loaded done) {
  client_.ask("GET", fmt::format("/schemas/ids/{}", id), "",
              [this, done = std::move(done)](const Result<RegistryReply>& reply) {
                if (!reply) return done(reply.error());
                if (is_not_found(*reply)) return done(SchemaTextPtr());
                if (reply->status != 200) return done(refused(*reply));
                const auto version = read_registered(reply->body);
                if (!version) return done(version.error());
                std::make_shared<Loading>(client_, version->schema, done)->next();
              });
}

engine::SchemaLookup::Found RegistryOverHttp::ask_schema(int32_t id) const {
  if (id <= 0) return {};
  const std::lock_guard lock(mutex_);
  // const_cast is allowed here, because filling a cache does not change the result of any call
  auto* self = const_cast<RegistryOverHttp*>(this);
  const auto found = self->entries_.find(id);
  if (found != entries_.end() && found->second.schema) return {found->second.schema};
  const int64_t now_us = clock_.monotonic_us();
  const bool is_due =
      found == entries_.end() || (!found->second.is_asking && found->second.again_at_us <= now_us);
  if (is_due) {
    if (asking_ >= kMaxAsking) return {nullptr, "too many requests for schemas are in progress"};
    self->ask_for(id);
  }
  const Entry& entry = self->entries_[id];
  if (!entry.problem.empty()) return {nullptr, entry.problem};
  if (entry.is_asking) return {nullptr, fmt::format("the schema registry at {} is asked", url())};
  return {};
}

void RegistryOverHttp::ask_for(int32_t id) {
  make_room();
  entries_[id].is_asking = true;
  ++asking_;
  load(id, [this, id](Result<SchemaTextPtr> loaded) { note(id, std::move(loaded)); });
}

// Empties the cache if it is full. Entries whose request is still running are kept.
void RegistryOverHttp::make_room() {
  if (entries_.size() < kMaxEntries && known_bytes_ < kMaxKnownBytes) return;
  std::erase_if(entries_, [](const auto& each) { return !each.second.is_asking; });
  known_bytes_ = 0;
}

void RegistryOverHttp::note(int32_t id, Result<SchemaTextPtr> loaded) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[id];
    --asking_;
    entry.is_asking = false;
    if (loaded) {
      known_bytes_ += bytes_of(*loaded);
      entry = Entry();
      entry.schema = *loaded;
      entry.again_at_us = clock_.monotonic_us() + pace_.absent_for_ms * 1'000;
      if (std::exchange(is_failing_, false)) log_info("schema registry answers url={}", url());
    } else {
      entry.problem = loaded.error().message;
      entry.retry_ms = entry.retry_ms == 0 ? pace_.first_retry_ms
                                           : std::min(2 * entry.retry_ms, pace_.longest_retry_ms);
      entry.again_at_us = clock_.monotonic_us() + entry.retry_ms * 1'000;
      if (!std::exchange(is_failing_, true))
        log_warn("a schema is not available, records that use it wait id={} error=\"{}\"", id,
                 entry.problem);
    }
  }
  if (loaded && listener_) listener_();
}

void RegistryOverHttp::answer(std::vector<SchemaQuestion> questions, OutsideSchemas known,
                              std::function<void(Result<OutsideSchemas>)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (answering_ < kMaxAnswering) {
      ++answering_;
    } else {
      questions.clear();
    }
  }
  if (questions.empty())
    return done(Error{ErrorCode::TooManyStatements,
                      "too many statements wait for the schema registry; try again"});
  std::make_shared<Answering>(*this, std::move(questions), std::move(known), std::move(done))
      ->next();
}

void RegistryOverHttp::list(std::function<void(Result<engine::SchemaRegistry>)> done) {
  client_.ask("GET", "/schemas", "", [done = std::move(done)](const Result<RegistryReply>& reply) {
    if (!reply) return done(reply.error());
    if (reply->status != 200) return done(refused(*reply));
    done(read_versions(reply->body));
  });
}

void RegistryOverHttp::look_up(std::optional<std::string> subject, std::optional<int32_t> id,
                               std::function<void(Result<engine::SchemaRegistry>)> done) {
  // Returns a registry that contains only the names and versions in `uses`, with a placeholder for
  // the schema's text.
  const auto with = [](std::span<const std::pair<std::string, int32_t>> uses, int32_t schema_id) {
    engine::SchemaRegistry registry;
    registry.apply(engine::PutSchema{{.id = schema_id, .text = "\"string\""}});
    for (const auto& [name, version] : uses)
      registry.apply(
          engine::PutSubject{name, {.versions = {{version, schema_id}}, .last_version = version}});
    return registry;
  };
  if (id && (*id <= 0)) return done(engine::SchemaRegistry());
  const std::string path =
      id ? fmt::format("/schemas/ids/{}/versions", *id) : path_of(*subject) + "/versions/latest";
  client_.ask("GET", path, "",
              [id, with, done = std::move(done)](const Result<RegistryReply>& reply) {
                if (!reply) return done(reply.error());
                if (is_not_found(*reply)) return done(engine::SchemaRegistry());
                if (reply->status != 200) return done(refused(*reply));
                if (id) {
                  const auto uses = read_uses(reply->body);
                  return uses ? done(with(*uses, *id)) : done(uses.error());
                }
                const auto version = read_registered(reply->body);
                if (!version) return done(version.error());
                const std::pair<std::string, int32_t> use(version->subject, version->version);
                done(with(std::span(&use, 1), version->id));
              });
}

}  // namespace server
