// Passes the messages of a COPY FROM STDIN to the running COPY.
#include <algorithm>

#include "server/pg/copy_input.h"
#include "server/pg/session.h"

namespace server::pg {

// Passes the next bytes of a COPY to copy_input_. A CopyData is processed as its bytes arrive,
// since one message may be as long as the limit.
bool Session::feed_copy() {
  // The loop ends after kPieceBytes, because processing rows takes time and the clock is checked
  // between steps.
  size_t fed_bytes = 0;
  while (copy_input_->wants_data()) {
    if (fed_bytes >= CopyInput::kPieceBytes) return true;
    const size_t before = input_.unread().size();
    if (copy_data_left_ > 0)
      feed_copy_data();
    else if (!begin_copy_message())
      return false;
    const size_t fed = before - input_.unread().size();
    if (fed == 0) return false;
    fed_bytes += fed;
  }
  return false;
}

bool Session::begin_copy_message() {
  const auto head = next_head(input_.unread(), limits_.max_message_bytes);
  if (head && *head && (*head)->type == ClientMessage::CopyData) {
    input_.consume(FrameHead::kBytes);
    copy_data_left_ = (*head)->body_bytes;
    return true;
  }
  const std::optional<Frame> frame = next_message();
  if (!frame) return false;
  input_.consume(frame->size);
  feed_copy_end(*frame);
  return phase_ != Phase::Over;
}

void Session::feed_copy_data() {
  const std::string_view piece =
      input_.unread().substr(0, std::min(copy_data_left_, CopyInput::kPieceBytes));
  copy_input_->add(piece);
  input_.consume(piece.size());
  copy_data_left_ -= piece.size();
}

std::string Session::message_of_copy_fail(const Frame& frame) {
  std::string_view text = decode_string(frame.body).value_or("");
  return turn_into_utf8(text) ? std::string(text) : std::string();
}

void Session::feed_copy_end(const Frame& frame) {
  switch (frame.type) {
    case ClientMessage::CopyDone:
      copy_input_->end();
      break;
    case ClientMessage::CopyFail:
      copy_input_->cancel(
          {ErrorCode::QueryCanceled, "COPY from stdin failed: " + message_of_copy_fail(frame)});
      break;
    // Ignored: in the extended protocol, the client has already sent its Sync.
    case ClientMessage::Flush:
    case ClientMessage::Sync:
      break;
    case ClientMessage::Terminate:
      phase_ = Phase::Over;
      break;
    default:
      copy_input_->cancel(
          {ErrorCode::ProtocolViolation, "unexpected message type " +
                                             std::to_string(static_cast<int>(frame.type)) +
                                             " during COPY from stdin"});
  }
}

}  // namespace server::pg
