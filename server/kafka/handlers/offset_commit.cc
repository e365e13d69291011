#include <utility>

#include "server/kafka/handlers/committed_offsets.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

// the first version in which members of KIP-848 send their epoch
constexpr int16_t kFirstWithMemberEpochs = 9;

}  // namespace

void handle_offset_commit(HandlerContext& context, OffsetCommitRequest request,
                          Reply<OffsetCommitResponse> reply) {
  coordinator::CommitOffsets commit;
  commit.group_id = std::move(request.group_id);
  commit.generation = request.generation_id_or_member_epoch;
  commit.member_id = std::move(request.member_id);
  commit.instance_id = std::move(request.group_instance_id);
  commit.retention_ms = request.retention_time_ms;
  commit.knows_member_epochs = reply.version() >= kFirstWithMemberEpochs;
  take_offsets(request, commit);
  context.backend.groups().ask(std::move(commit), answering(reply));
}

}  // namespace server::kafka
