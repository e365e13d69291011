#include "server/join/first_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/uuid_bytes.h"
#include "server/join/cluster_founding.h"
#include "server/join/cluster_image.h"
#include "server/join/journal_beginning.h"
#include "server/join/task_handover.h"
#include "server/join/waiting.h"
#include "server/metadata/apply_command.h"
#include "server/tasks/journal_progress.h"
#include "storage/kv/crash_point.h"
#include "storage/log/apply_replicated_commits.h"
#include "storage/meta/begun_join.h"
#include "storage/meta/embedded_metadata_log.h"
#include "storage/state/state_store.h"

namespace server {

using storage::ClusterMembership;
using storage::TopicPartition;

namespace {

std::string in_words(const ClusterMembership& membership) {
  return fmt::format("node {} of cluster \"{}\"", membership.node.value(), membership.cluster_id);
}

Error wrong_state(std::string message, std::string hint) {
  return {ErrorCode::ObjectState, std::move(message), {}, std::move(hint)};
}

struct Metadata {
  MetadataImagePtr image;
  storage::TopicTable topics;
};

class Join {
 public:
  explicit Join(const JoinOptions& options)
      : options_(options), wanted_{options.cluster_id, options.node} {}
  Result<Joined> run();

 private:
  Status open();
  Status read_metadata();
  Status check();
  Result<ProducerId> next_producer();
  Status found(ClusterFounding& founding, const std::optional<ClusterInEtcd>& there);
  Status finish(Revision newest);

  const JoinOptions& options_;
  ClusterMembership wanted_;
  SystemClock clock_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::StateStore> state_;
  Metadata metadata_;
  GreatestSerials serials_;
};

Status Join::open() {
  if (!std::filesystem::exists(std::filesystem::path(options_.data_dir) / "log.mdb"))
    return wrong_state(
        fmt::format("{} does not hold the data of a server", options_.data_dir),
        fmt::format("A node without data needs no join: millrace server --cluster {} --node-id {} "
                    "--etcd ...",
                    options_.cluster_id, options_.node.value()));
  storage::LogOptions options;
  options.clock = &clock_;
  options.forgets_foreign_tasks = false;
  log_ = TRY(storage::Log::open(options_.data_dir, std::move(options)));
  storage::StateOptions state_options;
  state_options.log_instance = log_->store().instance_id();
  state_ = TRY(storage::StateStore::open(options_.data_dir, state_options));
  return {};
}

Status Join::read_metadata() {
  const auto log = TRY(storage::open_embedded_metadata_log(log_->store(), *log_));
  metadata_.image = std::make_shared<const MetadataImage>();
  if (const auto snapshot = TRY(log->load_snapshot()))
    metadata_.image = TRY(apply_snapshot(*snapshot, metadata_.topics)).next;
  constexpr size_t kBlock = 1'000;
  while (metadata_.image->revision < log->last_revision())
    for (storage::MetadataRecord& record : TRY(log->read(metadata_.image->revision + 1, kBlock)))
      metadata_.image =
          TRY(apply_command(*metadata_.image, metadata_.topics,
                            read_definitions(record.revision, std::move(record.command))))
              .next;
  return {};
}

Status Join::check() {
  if (metadata_.image->revision == Revision{0})
    return wrong_state(
        fmt::format("the data directory {} has no definitions", options_.data_dir),
        "A node without data needs no join, and starts with an empty data directory.");
  std::vector<std::string> obstacles = obstacles_to_join(*metadata_.image);
  SerialSurvey survey = TRY(serials_in(*log_, *metadata_.image));
  serials_ = std::move(survey.greatest);
  std::ranges::move(survey.unreadable, std::back_inserter(obstacles));
  if (obstacles.empty()) return {};
  return Error{ErrorCode::NotSupported,
               "this server has objects that a cluster does not support; nothing was changed",
               fmt::format("{}", fmt::join(obstacles, "\n        ")),
               {}};
}

Result<ProducerId> Join::next_producer() {
  return wait_for<Result<ProducerId>>(
      [&](auto done) { log_->allocate_producer_ids(1, std::move(done)); });
}

Status Join::found(ClusterFounding& founding, const std::optional<ClusterInEtcd>& there) {
  TRY(make_journals(*log_, shared_queries(*metadata_.image)));
  FirstNodeFacts node{options_.node,
                      log_->store().instance_id(),
                      ProducerId{0},
                      Revision{0},
                      [this](const TopicPartition& partition) {
                        const auto status = log_->find_partition(partition);
                        return status ? status->leader_epoch() : LeaderEpoch{0};
                      },
                      serials_};
  if (there) node.last_in_etcd = there->newest;
  node.next_producer = TRY(next_producer());
  const auto snapshot = TRY(as_cluster(*metadata_.image, metadata_.topics, node));
  if (wanted_.first_command.empty()) {
    append_uuid(wanted_.first_command, Uuid::random());
    TRY(storage::write_begun_join(*log_, wanted_));
  }
  storage::pass(storage::CrashPoint::AfterJoinBegan);
  TRY(founding.found(snapshot, wanted_.first_command,
                     there ? there->untouched : std::optional<ClusterInEtcd::Untouched>()));
  storage::pass(storage::CrashPoint::AfterFounding);
  return {};
}

Status Join::finish(Revision newest) {
  wanted_.last_revision = newest;
  const auto queries = queries_of_cluster(*metadata_.image);
  auto commits = TRY(handover_commits(*log_, *state_, queries));
  // The journals are created again, because an interrupted attempt may have written into them.
  TRY(make_journals(*log_, queries));
  TRY(write_journals(*log_, *state_, queries, commits));
  storage::pass(storage::CrashPoint::BeforeJoinEnds);
  const auto end = [wanted = wanted_, journals = journals_for(*metadata_.image)](
                       storage::WriteTransaction& transaction) -> Status {
    for (const PartitionId journal : journals)
      TRY(put_journal_progress(transaction, journal, {kPlaceOfStart}));
    return storage::end_join(transaction, wanted);
  };
  TRY(wait_for<Result<storage::CarriedOut>>([&](auto done) {
    storage::apply_replicated_commits(*log_, std::move(commits), end, std::move(done));
  }));
  return {};
}

Result<Joined> Join::run() {
  TRY(open());
  if (const auto is = TRY(storage::read_cluster_membership(*log_))) {
    if (is->cluster_id == options_.cluster_id && is->node == options_.node)
      return Joined{.was_joined = true};
    return wrong_state(
        fmt::format("the data directory belongs to {}", in_words(*is)),
        "A node cannot change its cluster. Start with an empty data directory in the other one.");
  }
  TRY(read_metadata());
  TRY(check());
  EtcdSession etcd(options_.etcd, clock_);
  ClusterFounding founding(etcd, options_.cluster_id);
  auto there = TRY(founding.look());
  Joined joined;
  joined.queries = shared_queries(*metadata_.image).size();
  for (const auto& [name, topic] : metadata_.image->topics->by_name()) {
    ++joined.topics;
    joined.partitions += static_cast<size_t>(topic.partition_count);
  }
  const auto begun = TRY(storage::read_begun_join(*log_));
  if (begun && begun->cluster_id == wanted_.cluster_id && begun->node == wanted_.node)
    wanted_.first_command = begun->first_command;
  const auto is_ours = [&] {
    return there && !wanted_.first_command.empty() && there->first_command == wanted_.first_command;
  };
  if (is_ours()) {
    joined.went_on = true;
  } else {
    const bool may_replace =
        there && there->untouched && there->untouched->directory == log_->store().instance_id();
    if (there && !may_replace)
      return wrong_state(
          fmt::format("cluster \"{}\" exists already in this etcd", options_.cluster_id),
          "The data of a server can only become the first node of a cluster. Choose another "
          "--cluster, or start a further node with an empty data directory.");
    if (there) wanted_.first_command.clear();
    TRY(found(founding, there));
    there = TRY(founding.look());
    if (!is_ours())
      return wrong_state("etcd has lost the metadata that were written to it",
                         "Repeat the command.");
  }
  TRY(finish(there->newest));
  return joined;
}

}  // namespace

Result<Joined> join_as_first_node(const JoinOptions& options) { return Join(options).run(); }

}  // namespace server
