#include "server/join/cluster_founding.h"

#include <fmt/format.h>

#include <cassert>
#include <chrono>
#include <thread>
#include <utility>

#include "base/uuid_bytes.h"
#include "storage/meta/cluster_table.h"

namespace server {

using storage::EtcdEntry;
using storage::SnapshotPointer;

namespace {

constexpr size_t kPieceBytes = 512 << 10;  // etcd accepts requests of up to 1.5 MB
constexpr size_t kIdSize = 16;
constexpr auto kFoundingPatience = std::chrono::seconds(10);
constexpr auto kFoundingPause = std::chrono::milliseconds(200);

std::string random_id() {
  std::string id;
  append_uuid(id, Uuid::random());
  return id;
}

}  // namespace

ClusterFounding::ClusterFounding(EtcdSession& etcd, const std::string& cluster_id)
    : etcd_(etcd), keys_{fmt::format("/millrace/{}/", cluster_id)} {}

Result<std::optional<ClusterInEtcd>> ClusterFounding::look() {
  const auto found = TRY(etcd_.find(keys_.commands_and_pointer(Revision{0})));
  if (found.entries.empty()) return std::nullopt;
  ClusterInEtcd cluster;
  const EtcdEntry* pointer = nullptr;
  const EtcdEntry* newest = nullptr;
  size_t commands = 0;
  for (const EtcdEntry& entry : found.entries) {
    if (entry.key == keys_.pointer()) {
      pointer = &entry;
    } else if (const auto revision = keys_.revision_of(entry.key)) {
      if (commands++ == 0) cluster.first_command = entry.value.substr(0, kIdSize);
      cluster.newest = *revision;
      newest = &entry;
    }
  }
  if (pointer == nullptr) return cluster;
  cluster.first_command = TRY(storage::decode_snapshot_pointer(pointer->value)).first_command;
  if (commands == 1) cluster.untouched = TRY(untouched(*pointer, *newest));
  return cluster;
}

// Returns the founding state if the snapshot was written by a founding. Returns nothing for the
// snapshot of a running cluster, which contains nodes that have started.
Result<std::optional<ClusterInEtcd::Untouched>> ClusterFounding::untouched(
    const EtcdEntry& pointer_entry, const EtcdEntry& only_command) {
  const SnapshotPointer pointer = TRY(storage::decode_snapshot_pointer(pointer_entry.value));
  if (only_command.key != keys_.command(pointer.revision)) return std::nullopt;
  std::string bytes;
  for (uint32_t i = 0; i < pointer.pieces; ++i) {
    const auto found = TRY(etcd_.find(storage::EtcdRange::only(keys_.piece(pointer, i))));
    for (const EtcdEntry& piece : found.entries) bytes += piece.value;
  }
  if (bytes.size() != pointer.size_bytes) return std::nullopt;  // the snapshot was replaced
  const auto snapshot = TRY(storage::decode_metadata_snapshot(bytes));
  storage::ClusterTable table;
  for (const storage::MetadataPart& part : snapshot.state.parts)
    if (part.type == storage::kClusterPart) table = TRY(storage::ClusterTable::load(part.bytes));
  const auto& nodes = table.snapshot()->nodes();
  if (nodes.size() != 1) return std::nullopt;
  const storage::ClusterNode& node = nodes.begin()->second;
  if (!node.endpoint.empty()) return std::nullopt;  // the node has started
  return ClusterInEtcd::Untouched{pointer, pointer_entry.modified, only_command.created, node.id,
                                  node.directory};
}

Status ClusterFounding::write_pieces(const SnapshotPointer& pointer, std::string_view bytes) {
  const auto give_up_at = std::chrono::steady_clock::now() + kFoundingPatience;
  for (uint32_t i = 0; i < pointer.pieces;) {
    storage::EtcdTransaction transaction;
    transaction.puts.push_back(
        {keys_.piece(pointer, i), std::string(bytes.substr(i * kPieceBytes, kPieceBytes))});
    const auto written = etcd_.commit(std::move(transaction));
    if (written) {
      ++i;
      continue;
    }
    if (written.error().code != ErrorCode::NetworkFailure ||
        std::chrono::steady_clock::now() > give_up_at)
      return Error{ErrorCode::NetworkFailure, "etcd does not accept the metadata of the cluster",
                   written.error().message,
                   "Repeat the command when etcd accepts writes. Until then the server can be "
                   "started alone."};
    std::this_thread::sleep_for(kFoundingPause);
  }
  return {};
}

// Returns the transaction that makes the snapshot visible. Its condition is that etcd has no
// metadata of the cluster, or that the command of an earlier founding is still its only command.
// In the second case the transaction removes the earlier command and writes the new one at a later
// revision. A node that has read only the earlier command can then append nothing, because its
// append requires that the earlier command still exists.
storage::EtcdTransaction ClusterFounding::step_that_counts(
    const SnapshotPointer& pointer,
    const std::optional<ClusterInEtcd::Untouched>& in_place_of) const {
  constexpr storage::EtcdRevision kNotThere{0};
  storage::EtcdTransaction transaction;
  const std::string command = keys_.command(pointer.revision);
  if (in_place_of) {
    const Revision before = in_place_of->pointer.revision;
    assert(pointer.revision > before);
    transaction.conditions.push_back({keys_.command(before), in_place_of->command_created});
    transaction.conditions.push_back({keys_.command(before + 1), kNotThere});
    transaction.unchanged.push_back({keys_.pointer(), in_place_of->pointer_modified});
    transaction.removals.push_back(storage::EtcdRange::only(keys_.command(before)));
  } else {
    transaction.conditions.push_back({keys_.command(Revision{1}), kNotThere});
    transaction.conditions.push_back({keys_.pointer(), kNotThere});
  }
  transaction.puts.push_back(
      {command, pointer.first_command + storage::encode(storage::MetadataCommand{})});
  transaction.puts.push_back({keys_.pointer(), storage::encode(pointer)});
  return transaction;
}

Status ClusterFounding::found(const storage::MetadataSnapshot& snapshot,
                              const std::string& first_command,
                              const std::optional<ClusterInEtcd::Untouched>& in_place_of) {
  const std::string bytes = TRY(storage::encode_metadata_snapshot(snapshot));
  SnapshotPointer pointer;
  pointer.revision = snapshot.revision;
  pointer.id = random_id();
  pointer.pieces = static_cast<uint32_t>((bytes.size() + kPieceBytes - 1) / kPieceBytes);
  pointer.size_bytes = bytes.size();
  pointer.first_command = first_command;
  TRY(write_pieces(pointer, bytes));
  const auto transaction = step_that_counts(pointer, in_place_of);
  const auto give_up_at = std::chrono::steady_clock::now() + kFoundingPatience;
  while (true) {
    const auto outcome = etcd_.commit(transaction);
    if (outcome && outcome->is_done) return {};
    // This attempt, or an earlier one, may have succeeded although its answer was lost. So the result is read from
    // etcd.
    const auto there = look();
    if (there && *there && (*there)->first_command == first_command) return {};
    if (outcome && there)
      return Error{ErrorCode::ObjectState,
                   "another process has started the cluster in the meantime"};
    if (std::chrono::steady_clock::now() > give_up_at)
      return Error{ErrorCode::ReadTimeout,
                   "etcd does not answer: it is not known whether it has the metadata of the "
                   "cluster",
                   (outcome ? there.error() : outcome.error()).message,
                   "Repeat the command when etcd answers."};
    std::this_thread::sleep_for(kFoundingPause);
  }
}

}  // namespace server
