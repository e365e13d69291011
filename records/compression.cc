#include "records/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "records/decompressor.h"

namespace records {

namespace {

Status gzip(std::string_view bytes, std::string& out) {
  z_stream stream = {};
  constexpr int kGzipWindow = 15 + 16;  // 16 selects the gzip wrapper instead of zlib's
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

Status zstd(std::string_view bytes, std::string& out) {
  out.resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size)) return Error{ErrorCode::Internal, "zstd failed"};
  out.resize(size);
  return {};
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
  return Error{ErrorCode::InvalidParameter, "unknown compression codec"};
}

Status decompress(Codec codec, std::string_view bytes, size_t max_size, std::string& out) {
  Decompressor decompressor(codec, max_size);
  TRY(decompressor.step(bytes, SIZE_MAX));
  out.assign(decompressor.bytes());
  return {};
}

}  // namespace records
