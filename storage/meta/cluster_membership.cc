#include "storage/meta/cluster_membership.h"

#include <future>
#include <memory>

#include "base/sized.h"
#include "storage/meta/cluster_membership_row.h"

namespace storage {

namespace {

// value = version u8, cluster id, node zigzag varint, first command, last revision varint
constexpr std::string_view kTable = "cluster";
constexpr char kMembershipVersion = 1;

std::string encode(const ClusterMembership& membership) {
  std::string bytes(1, kMembershipVersion);
  append_sized(bytes, membership.cluster_id);
  append_varint(bytes, zigzag(membership.node.value()));
  append_sized(bytes, membership.first_command);
  append_varint(bytes, static_cast<uint64_t>(membership.last_revision.value()));
  return bytes;
}

Result<ClusterMembership> decode(std::string_view bytes) {
  if (bytes.empty() || bytes[0] > kMembershipVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the data directory belongs to a cluster of a newer version"};
  ByteReader in(bytes.substr(1));
  ClusterMembership membership;
  membership.cluster_id = read_sized(in);
  membership.node = NodeId{static_cast<int32_t>(in.signed_varint())};
  membership.first_command = read_sized(in);
  membership.last_revision = Revision{static_cast<int64_t>(in.varint())};
  if (!in.ok())
    return Error{ErrorCode::DataCorrupted, "the owner of the data directory cannot be read"};
  return membership;
}

}  // namespace

// --- Rows

Status write_and_wait(TransactionQueue& queue, std::function<Status(WriteTransaction&)> apply) {
  std::promise<Status> done;
  queue.submit(std::move(apply), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

Result<std::optional<ClusterMembership>> read_membership_row(TransactionQueue& queue,
                                                             std::string_view key) {
  const auto found = std::make_shared<std::optional<std::string>>();
  const Status looked =
      write_and_wait(queue, [found, key](WriteTransaction& transaction) -> Status {
        const auto table = TRY(transaction.find_table(kTable, KeyOrder::Bytes));
        if (!table) return {};
        if (const auto bytes = TRY(transaction.get(*table, key))) *found = std::string(*bytes);
        return {};
      });
  TRY(looked);
  if (!*found) return std::nullopt;
  return TRY(decode(**found));
}

Status put_membership_row(WriteTransaction& transaction, std::string_view key,
                          const ClusterMembership& membership) {
  return transaction.put(TRY(transaction.open_table(kTable, KeyOrder::Bytes)), key,
                         encode(membership));
}

Status erase_membership_row(WriteTransaction& transaction, std::string_view key) {
  const auto table = TRY(transaction.find_table(kTable, KeyOrder::Bytes));
  if (table) TRY(transaction.erase(*table, key));
  return {};
}

// --- Memberships of directories

Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue) {
  return read_membership_row(queue, kMembershipKey);
}

void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done) {
  queue.submit(
      [membership](WriteTransaction& transaction) {
        return put_membership_row(transaction, kMembershipKey, membership);
      },
      std::move(done));
}

Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership) {
  return write_and_wait(queue, [membership](WriteTransaction& transaction) {
    return put_membership_row(transaction, kMembershipKey, membership);
  });
}

}  // namespace storage
