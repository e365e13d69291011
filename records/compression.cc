#include "records/compression.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <climits>
#include <memory>

#include "base/bytes.h"

namespace records {

namespace {

// Output grows by steps of this size, whatever the input claims about itself.
constexpr size_t kGrowthStep = 64 << 10;

Error corrupt(std::string_view codec) {
  return {ErrorCode::CorruptRecord, fmt::format("compressed records are damaged ({})", codec)};
}
Error too_large(size_t max_size) {
  return {ErrorCode::RecordTooLarge,
          fmt::format("records of one batch exceed {} bytes after decompression", max_size)};
}

// Room for more output in `out`, of which `used` bytes are taken; false at the limit.
bool grow(std::string& out, size_t used, size_t max_size) {
  if (used >= max_size) return false;
  out.resize(std::min(max_size, std::max(used * 2, used + kGrowthStep)));
  return true;
}

// Calls `step(room) -> Step` until it ends, growing `out` in between. One byte more than allowed is
// offered, so that exactly max_size bytes pass and the next one is noticed.
enum class Progress { More, End, Corrupt };
struct Step {
  Progress progress;
  size_t written;
};
template <class Decode>
Status pump(std::string_view codec, size_t max_size, std::string& out, const Decode& decode) {
  size_t used = 0;
  out.clear();
  while (true) {
    if (used == out.size() && !grow(out, used, max_size + 1)) return too_large(max_size);
    const Step step = decode(out.data() + used, out.size() - used);
    used += step.written;
    if (step.progress == Progress::Corrupt) return corrupt(codec);
    if (used > max_size) return too_large(max_size);
    if (step.progress == Progress::End) break;
    // Room was left and no progress was made: the input is cut.
    if (step.written == 0 && used < out.size()) return corrupt(codec);
  }
  out.resize(used);
  return {};
}

Status gzip(std::string_view bytes, std::string& out) {
  z_stream stream = {};
  constexpr int kGzipWindow = 15 + 16;  // 16 asks for the gzip wrapper instead of zlib's
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return Error{ErrorCode::Internal, "gzip could not start"};
  out.resize(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int ended = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) return Error{ErrorCode::Internal, "gzip did not end"};
  return {};
}

Status gunzip(std::string_view bytes, size_t max_size, std::string& out) {
  z_stream stream = {};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return Error{ErrorCode::Internal, "gzip could not start"};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  return pump("gzip", max_size, out, [&](char* to, size_t room) -> Step {
    const auto offered = static_cast<uInt>(std::min<size_t>(room, UINT_MAX));
    stream.next_out = reinterpret_cast<Bytef*>(to);
    stream.avail_out = offered;
    const int result = inflate(&stream, Z_NO_FLUSH);
    const size_t written = offered - stream.avail_out;
    if (result == Z_STREAM_END) return {Progress::End, written};
    if (result != Z_OK && result != Z_BUF_ERROR) return {Progress::Corrupt, written};
    return {Progress::More, written};
  });
}

// Java's snappy stream: this mark, two versions, then blocks behind their lengths.
constexpr std::string_view kXerialMagic("\x82SNAPPY\0", 8);
constexpr size_t kXerialHeaderSize = 16;

Status unsnappy_block(std::string_view block, size_t max_size, std::string& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) return corrupt("snappy");
  if (size > max_size - std::min(max_size, out.size())) return too_large(max_size);
  // Snappy copies at most 64 bytes for three of input: a claim beyond that is a lie, found before
  // allocating.
  if (size > block.size() * 64) return corrupt("snappy");
  const size_t start = out.size();
  out.resize(start + size);
  if (!snappy::RawUncompress(block.data(), block.size(), out.data() + start))
    return corrupt("snappy");
  return {};
}

Status unsnappy(std::string_view bytes, size_t max_size, std::string& out) {
  out.clear();
  if (!bytes.starts_with(kXerialMagic)) return unsnappy_block(bytes, max_size, out);
  if (bytes.size() < kXerialHeaderSize) return corrupt("snappy");
  bytes.remove_prefix(kXerialHeaderSize);
  while (!bytes.empty()) {
    ByteReader in(bytes);
    const auto size = in.be<int32_t>();
    const std::string_view block =
        size < 0 ? std::string_view() : in.bytes(static_cast<size_t>(size));
    if (size < 0 || !in.ok()) return corrupt("snappy");
    TRY(unsnappy_block(block, max_size, out));
    bytes = in.rest();
  }
  return {};
}

Status lz4(std::string_view bytes, std::string& out) {
  LZ4F_preferences_t preferences = {};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  out.resize(LZ4F_compressFrameBound(bytes.size(), &preferences));
  const size_t size =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size)) return Error{ErrorCode::Internal, "lz4 failed"};
  out.resize(size);
  return {};
}

Status unlz4(std::string_view bytes, size_t max_size, std::string& out) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
    return Error{ErrorCode::Internal, "lz4 could not start"};
  const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> closer(
      context, LZ4F_freeDecompressionContext);
  return pump("lz4", max_size, out, [&](char* to, size_t room) -> Step {
    size_t written = room;
    size_t taken = bytes.size();
    const size_t hint = LZ4F_decompress(context, to, &written, bytes.data(), &taken, nullptr);
    if (LZ4F_isError(hint)) return {Progress::Corrupt, 0};
    bytes.remove_prefix(taken);
    return {hint == 0 ? Progress::End : Progress::More, written};
  });
}

Status zstd(std::string_view bytes, std::string& out) {
  out.resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size)) return Error{ErrorCode::Internal, "zstd failed"};
  out.resize(size);
  return {};
}

Status unzstd(std::string_view bytes, size_t max_size, std::string& out) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  if (!stream) return Error{ErrorCode::Internal, "zstd could not start"};
  // What a frame may ask us to remember; a window beyond the limit of a batch is of no use to it.
  constexpr int kMaxWindowLog = 26;
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  return pump("zstd", max_size, out, [&](char* to, size_t room) -> Step {
    ZSTD_outBuffer target{to, room, 0};
    const size_t hint = ZSTD_decompressStream(stream.get(), &target, &in);
    if (ZSTD_isError(hint)) return {Progress::Corrupt, 0};
    // Several frames may follow each other.
    const bool at_end = hint == 0 && in.pos == in.size;
    return {at_end ? Progress::End : Progress::More, target.pos};
  });
}

}  // namespace

Status compress(Codec codec, std::string_view bytes, std::string& out) {
  switch (codec) {
    case Codec::None:
      out.assign(bytes);
      return {};
    case Codec::Gzip:
      return gzip(bytes, out);
    case Codec::Snappy:
      snappy::Compress(bytes.data(), bytes.size(), &out);
      return {};
    case Codec::Lz4:
      return lz4(bytes, out);
    case Codec::Zstd:
      return zstd(bytes, out);
  }
  return Error{ErrorCode::InvalidParameter, "compression codec is not known"};
}

Status decompress(Codec codec, std::string_view bytes, size_t max_size, std::string& out) {
  switch (codec) {
    case Codec::None:
      if (bytes.size() > max_size) return too_large(max_size);
      out.assign(bytes);
      return {};
    case Codec::Gzip:
      return gunzip(bytes, max_size, out);
    case Codec::Snappy:
      return unsnappy(bytes, max_size, out);
    case Codec::Lz4:
      return unlz4(bytes, max_size, out);
    case Codec::Zstd:
      return unzstd(bytes, max_size, out);
  }
  return Error{ErrorCode::CorruptRecord, "batch names a compression codec that does not exist"};
}

}  // namespace records
