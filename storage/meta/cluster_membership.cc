#include "storage/meta/cluster_membership.h"

#include <future>
#include <memory>

#include "base/sized.h"

namespace storage {

namespace {

// value = version u8, cluster id, node zigzag varint, first command, last revision varint
constexpr std::string_view kTable = "cluster", kKey = "membership";
constexpr char kVersion = 1;

Status wait(TransactionQueue& queue, std::function<Status(WriteTransaction&)> apply) {
  std::promise<Status> done;
  queue.submit(std::move(apply), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

Result<ClusterMembership> decode(std::string_view bytes) {
  if (bytes.empty() || bytes[0] > kVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the data directory belongs to a cluster of a newer version"};
  ByteReader in(bytes.substr(1));
  ClusterMembership membership;
  membership.cluster_id = read_sized(in);
  membership.node = NodeId{static_cast<int32_t>(in.signed_varint())};
  membership.first_command = read_sized(in);
  membership.last_revision = Revision{static_cast<int64_t>(in.varint())};
  if (!in.ok()) return Error{ErrorCode::DataCorrupted, "whose data directory it is cannot be read"};
  return membership;
}

}  // namespace

Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue) {
  const auto found = std::make_shared<std::optional<std::string>>();
  const Status read = wait(queue, [found](WriteTransaction& transaction) -> Status {
    const auto table = TRY(transaction.find_table(kTable, KeyOrder::Bytes));
    if (!table) return {};
    if (const auto bytes = TRY(transaction.get(*table, kKey))) *found = std::string(*bytes);
    return {};
  });
  TRY(read);
  if (!*found) return std::nullopt;
  return TRY(decode(**found));
}

void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done) {
  std::string bytes(1, kVersion);
  append_sized(bytes, membership.cluster_id);
  append_varint(bytes, zigzag(membership.node.value()));
  append_sized(bytes, membership.first_command);
  append_varint(bytes, static_cast<uint64_t>(membership.last_revision.value()));
  queue.submit(
      [bytes](WriteTransaction& transaction) -> Status {
        return transaction.put(TRY(transaction.open_table(kTable, KeyOrder::Bytes)), kKey, bytes);
      },
      std::move(done));
}

Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership) {
  std::promise<Status> done;
  submit_cluster_membership(queue, membership,
                            [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace storage
