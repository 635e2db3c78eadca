#include "common/learn/model_npz.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/learn/model_file_parts.h"

namespace consilium::learn {
namespace {

// PKWARE APPNOTE 6.3: sections 4.3.7, 4.3.12, 4.3.16.
constexpr uint32_t kLocalHead = 0x04034b50, kCentralHead = 0x02014b50, kEnd = 0x06054b50;
constexpr uint16_t kZipVersion = 20, kUtf8Names = 1 << 11, kStored = 0;
constexpr uint16_t kMidnight = 0, kFirstDay = (0 << 9) | (1 << 5) | 1;  // 1980-01-01
constexpr uint64_t kMostBytes = UINT32_MAX - (uint64_t{1} << 20);
constexpr size_t kNpyAlignment = 64;

struct Member {
  std::string name;
  uint32_t crc = 0;
  uint32_t bytes = 0;
  uint32_t offset = 0;
};

// What local and central head have in common, from "version needed" on.
void PutMember(ByteWriter& out, const Member& member) {
  out.Put(kZipVersion);
  out.Put(kUtf8Names);
  out.Put(kStored);
  out.Put(kMidnight);
  out.Put(kFirstDay);
  out.Put(member.crc);
  out.Put(member.bytes);  // compressed
  out.Put(member.bytes);
  out.Put(static_cast<uint16_t>(member.name.size()));
  out.Put(uint16_t{0});  // extra field
}

class Archive {
 public:
  void Add(std::string name, ByteSpan head, ByteSpan body) {
    Member member{std::move(name), Crc32Of(body, Crc32Of(head)),
                  static_cast<uint32_t>(head.size() + body.size()),
                  static_cast<uint32_t>(bytes_.size())};
    ByteWriter out(bytes_);
    out.Put(kLocalHead);
    PutMember(out, member);
    out.PutBytes(AsBytes(member.name));
    out.PutBytes(head);
    out.PutBytes(body);
    members_.push_back(std::move(member));
  }

  Bytes Finish() && {
    const auto begin = static_cast<uint32_t>(bytes_.size());
    ByteWriter out(bytes_);
    for (const Member& member : members_) {
      out.Put(kCentralHead);
      out.Put(kZipVersion);  // made by
      PutMember(out, member);
      out.Put(uint16_t{0});  // comment
      out.Put(uint16_t{0});  // disk
      out.Put(uint16_t{0});  // internal attributes
      out.Put(uint32_t{0});  // external attributes
      out.Put(member.offset);
      out.PutBytes(AsBytes(member.name));
    }
    const auto bytes = static_cast<uint32_t>(bytes_.size() - begin);
    const auto count = static_cast<uint16_t>(members_.size());
    out.Put(kEnd);
    out.Put(uint16_t{0});  // this disk
    out.Put(uint16_t{0});  // the directory's disk
    out.Put(count);
    out.Put(count);
    out.Put(bytes);
    out.Put(begin);
    out.Put(uint16_t{0});  // comment
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
  std::vector<Member> members_;
};

// Magic, version, length, a Python dictionary padded with spaces to a line end.
Bytes NpyHead(const tensor::TensorSpec& tensor) {
  std::string shape;
  for (const uint32_t size : tensor.shape)
    shape += fmt::format("{}{}", shape.empty() ? "" : ", ", size);
  if (tensor.shape.size() == 1) shape += ",";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                 tensor.dtype == tensor::DType::kFloat64 ? "<f8" : "<f4", shape);
  constexpr size_t kBefore = 10;
  while ((kBefore + text.size() + 1) % kNpyAlignment != 0) text += ' ';
  text += '\n';
  Bytes head;
  ByteWriter out(head);
  out.PutBytes(AsBytes("\x93NUMPY"));
  out.Put(uint8_t{1});
  out.Put(uint8_t{0});
  out.Put(static_cast<uint16_t>(text.size()));
  out.PutBytes(AsBytes(text));
  return head;
}

}  // namespace

absl::StatusOr<Bytes> EncodeNpz(const wire::StatePart& model) {
  const tensor::Bundle& tensors = model.tensors;
  if (tensors.layout().payload_bytes() > kMostBytes) {
    return Error(ErrorCode::kFileTooLarge,
                 fmt::format("the model has {} bytes, want at most {} for .npz",
                             tensors.layout().payload_bytes(), kMostBytes),
                 "write it as .safetensors");
  }
  Archive archive;
  for (size_t i = 0; i < tensors.layout().size(); ++i) {
    const tensor::TensorSpec& tensor = tensors.layout().tensors()[i];
    const ByteSpan body = tensor.dtype == tensor::DType::kFloat64
                              ? std::as_bytes(tensors.Float64(i))
                              : std::as_bytes(tensors.Float32(i));
    archive.Add(tensor.name + ".npy", NpyHead(tensor), body);
  }
  const std::string texts = Dump(nlohmann::json(model.texts));
  archive.Add("metadata.json", {}, AsBytes(texts));
  return std::move(archive).Finish();
}

}  // namespace consilium::learn
