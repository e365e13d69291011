#include "server/links/kafka_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/suggest.h"
#include "server/kafka_client/topic_reader.h"
#include "server/links/link_settings.h"
#include "server/links/open_link.h"

namespace server {

namespace {

constexpr int64_t kPatienceUs = 10'000'000;
constexpr int64_t kAdjustMs = 1'000;
const std::string kConnect = "connect";

// Returns the error for a missing link. `links` is a map from the names of the existing links.
template <class Links>
Error no_link(const std::string& name, const Links& links) {
  std::vector<std::string> names;
  for (const auto& [known, link] : links) names.push_back(known);
  return {ErrorCode::UndefinedObject,
          fmt::format("link {} does not exist", name),
          {},
          did_you_mean(name, names, "SHOW LINKS lists the links; names of links distinguish case.",
                       "", "")};
}

Error link_exists(const std::string& name) {
  return {ErrorCode::DuplicateObject, fmt::format("link {} already exists", name)};
}

// Removes the property 'connect' from the properties. Returns whether the link is to be connected
// now.
Result<bool> take_connect(LinkProperties& properties) {
  const auto found = properties.find(kConnect);
  if (found == properties.end()) return true;
  const std::string value = std::move(found->second);
  properties.erase(found);
  if (value == "now") return true;
  if (value == "later") return false;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("connect: \"{}\" is not now or later", value)};
}

std::vector<LinkTopic> topics_in(const kafka::MetadataResponse& answer) {
  std::vector<LinkTopic> topics;
  for (const auto& each : answer.topics) {
    if (!each.name) continue;
    const int64_t replicas =
        each.partitions.empty()
            ? 0
            : static_cast<int64_t>(each.partitions.front().replica_nodes.size());
    topics.push_back(
        {*each.name, static_cast<int64_t>(each.partitions.size()), replicas, each.is_internal});
  }
  std::ranges::sort(topics, {}, &LinkTopic::name);
  return topics;
}

}  // namespace

// The part of a reading that the session owns. The TopicReader itself belongs to the loop of the
// links.
class KafkaLinks::Reading final : public LinkReading {
 public:
  using Reader = std::shared_ptr<kafka_client::TopicReader>;
  // Used on the loop of the links.
  struct Shared {
    std::string link;
    Reader reader;  // null before the first call of next()
    bool is_over = false;
  };

  Reading(KafkaLinks& links, std::string link, std::string topic, From from)
      : links_(links), topic_(std::move(topic)), from_(from) {
    shared_->link = std::move(link);
  }
  ~Reading() override {
    links_.loop_->post([shared = shared_] {
      shared->is_over = true;
      if (shared->reader) shared->reader->close();
      shared->reader.reset();
    });
  }

  void next(std::function<void(Result<LinkRecords>)> done) override {
    links_.loop_->post([&links = links_, shared = shared_, topic = topic_, from = from_,
                        done = std::move(done)]() mutable {
      if (shared->is_over) return;
      if (!shared->reader) {
        auto reader = open(links, *shared, topic, from);
        if (!reader) return done(std::move(reader).error());
        shared->reader = *std::move(reader);
      }
      shared->reader->next(
          [shared, done = std::move(done)](Result<kafka_client::ForeignRecords> records) {
            if (!records) return done(link_error(shared->link, std::move(records).error()));
            LinkRecords out{{}, std::move(records->losses)};
            for (auto& each : records->records)
              out.records.push_back(
                  {each.partition, each.timestamp_ms, std::move(each.key), std::move(each.value)});
            done(std::move(out));
          });
    });
  }

 private:
  static Result<Reader> open(KafkaLinks& links, const Shared& shared, const std::string& topic,
                             From from) {
    OpenLink* const link = TRY(links.find(shared.link));
    using Start = kafka_client::TopicReader::Start;
    return kafka_client::TopicReader::make(TRY(link->client()), topic,
                                           from == From::Beginning ? Start::Beginning : Start::End);
  }

  KafkaLinks& links_;
  const std::string topic_;
  const From from_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

KafkaLinks::KafkaLinks(LinkStore& store, const Clock& clock, MemoryBudget& memory,
                       SecretSettings secrets)
    : store_(store),
      clock_(clock),
      memory_(memory),
      secrets_(std::move(secrets)),
      random_(std::random_device{}()),
      loop_(std::make_unique<Loop>("links")),
      timer_(std::make_unique<Timer>(*loop_, "definitions of links", [this] { adjust(); })) {}

KafkaLinks::~KafkaLinks() {
  stop();
  timer_.reset();
  loop_.reset();
}

void KafkaLinks::start() {
  loop_->post([this] {
    adjust();
    timer_->start_every(kAdjustMs);
  });
  thread_ = std::thread([this] { loop_->run(); });
}

void KafkaLinks::stop() {
  if (!thread_.joinable()) return;
  loop_->post([this] {
    is_over_ = true;
    open_.clear();
    // close() removes the client from creating_, so the C++ loop visits a copy.
    for (const auto& client : std::exchange(creating_, {}))
      client->close({ErrorCode::ObjectState, "the server stops"});
    loop_->stop();
  });
  thread_.join();
}

void KafkaLinks::adjust() {
  if (is_over_) return;
  const std::shared_ptr<const storage::LinkTable> links = store_.links();
  if (links == adjusted_to_) return;
  adjusted_to_ = links;
  std::erase_if(open_, [&](const auto& each) {
    const auto found = links->find(each.first);
    return found == links->end() || found->second->id != each.second->definition().id;
  });
  for (const auto& [name, definition] : *links)
    if (!open_.contains(name))
      open_[name] = std::make_unique<OpenLink>(*loop_, clock_, memory_, secrets_,
                                               Random(random_.next()), definition);
}

Result<OpenLink*> KafkaLinks::find(const std::string& name) {
  adjust();
  const auto found = open_.find(name);
  if (found == open_.end()) return no_link(name, open_);
  return found->second.get();
}

void KafkaLinks::create(LinkRequest request, Done<CreatedLink> done) {
  loop_->post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (is_over_) return;
    const bool exists = store_.links()->contains(request.name);
    if (exists && request.if_exists == IfLinkExists::Fail) return done(link_exists(request.name));
    CreatedLink created;
    created.is_new = !exists || request.if_exists == IfLinkExists::Replace;
    const auto prepare = [&]() -> Result<std::shared_ptr<kafka_client::KafkaClient>> {
      TRY(check_link_name(request.name));
      if (!created.is_new) return std::shared_ptr<kafka_client::KafkaClient>();
      if (request.file) {
        FileProperties read = TRY(properties_of_file(*request.file, secrets_));
        request.properties = std::move(read.properties);
        created.ignored = std::move(read.ignored);
      }
      const bool connects = TRY(take_connect(request.properties));
      TRY(check_no_literal_secrets(request.properties));
      kafka_client::ClientSettings settings =
          TRY(read_link_settings(request.name, request.properties, secrets_));
      if (!connects) return std::shared_ptr<kafka_client::KafkaClient>();
      settings.memory = std::make_shared<MemoryAccount>(memory_);
      return kafka_client::KafkaClient::make(*loop_, clock_, std::move(settings),
                                             Random(random_.next()));
    };
    auto client = prepare();
    if (!client) return done(link_error(request.name, std::move(client).error()));
    if (!created.is_new) return done(std::move(created));
    if (!*client) return put(request, std::move(created), std::move(done));
    creating_.insert(*client);
    (*client)->ask_metadata(
        std::nullopt, clock_.monotonic_us() + kPatienceUs,
        [this, client = *client, request = std::move(request), created = std::move(created),
         done = std::move(done)](Result<kafka::MetadataResponse> answer) mutable {
          creating_.erase(client);
          if (answer) created.facts = link_facts(*client, *answer);
          client->close({ErrorCode::ObjectState, "the link was created"});
          if (!answer) return done(link_error(request.name, std::move(answer).error()));
          put(request, std::move(created), std::move(done));
        });
  });
}

// Stores the definition. Another session may have created or dropped the link in the meantime.
void KafkaLinks::put(const LinkRequest& request, CreatedLink created, Done<CreatedLink> done) {
  auto definition = std::make_shared<storage::LinkDefinition>();
  definition->name = request.name;
  definition->id = Uuid::random();
  definition->owner = request.owner;
  definition->properties = request.properties;
  store_.submit(
      [definition, if_exists = request.if_exists](
          const storage::LinkTable& links) -> Result<std::vector<storage::LinkChange>> {
        if (if_exists != IfLinkExists::Replace && links.contains(definition->name))
          return link_exists(definition->name);
        return std::vector<storage::LinkChange>{{definition->name, definition}};
      },
      [this, created = std::move(created), done = std::move(done)](Status stored) mutable {
        loop_->post([this] { adjust(); });
        if (!stored) return done(std::move(stored).error());
        done(std::move(created));
      });
}

void KafkaLinks::drop(std::string name, Done<void> done) {
  store_.submit(
      [name](const storage::LinkTable& links) -> Result<std::vector<storage::LinkChange>> {
        if (!links.contains(name)) return no_link(name, links);
        return std::vector<storage::LinkChange>{{name, nullptr}};
      },
      [this, done = std::move(done)](Status dropped) {
        loop_->post([this] { adjust(); });
        done(std::move(dropped));
      });
}

void KafkaLinks::list(Done<std::vector<LinkInfo>> done) {
  loop_->post([this, done = std::move(done)] {
    adjust();
    std::vector<LinkInfo> all;
    for (const auto& [name, link] : open_) all.push_back(link->info());
    done(std::move(all));
  });
}

void KafkaLinks::describe(std::string name, Done<LinkInfo> done) {
  loop_->post([this, name = std::move(name), done = std::move(done)] {
    const auto link = find(name);
    if (!link) return done(link.error());
    done((*link)->info());
  });
}

void KafkaLinks::topics(std::string name, Done<std::vector<LinkTopic>> done) {
  loop_->post([this, name = std::move(name), done = std::move(done)] {
    const auto link = find(name);
    if (!link) return done(link.error());
    const auto client = (*link)->client();
    if (!client) return done(client.error());
    (*client)->ask_metadata(std::nullopt, clock_.monotonic_us() + kPatienceUs,
                            [name, done](Result<kafka::MetadataResponse> answer) {
                              if (!answer) return done(link_error(name, std::move(answer).error()));
                              done(topics_in(*answer));
                            });
  });
}

std::unique_ptr<LinkReading> KafkaLinks::read(std::string name, std::string topic, From from) {
  return std::make_unique<Reading>(*this, std::move(name), std::move(topic), from);
}

}  // namespace server
