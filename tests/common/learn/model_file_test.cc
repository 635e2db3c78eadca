#include "common/learn/model_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "common/base/random.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "tests/support/status_matchers.h"

namespace consilium::learn {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;

job::JobSpec Job() {
  job::JobSpec spec;
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {3};
  spec.data.dataset = "heart";
  spec.data.label = "disease";
  spec.data.label_levels = {"none", "mild", "\"s\u00e9v\u00e8re\""};
  spec.data.classes = 3;
  spec.data.features.resize(3);
  spec.data.features[0].name = "age";
  spec.data.features[1].name = "sex";
  spec.data.features[1].type = job::ColumnType::kBinary;
  spec.data.features[2].name = "cp";
  spec.data.features[2].type = job::ColumnType::kCategory;
  spec.data.features[2].levels = {"1", "2", "3"};
  return spec;
}

wire::StatePart Model(Statistics statistics) {
  const job::JobSpec spec = Job();
  const ModelShape shape = ShapeOf(spec).value();
  wire::StatePart model{tensor::Bundle(StateLayout(shape, statistics).value()), ModelTexts(spec)};
  Random random(1);
  for (size_t t = 0; t < model.tensors.layout().size(); ++t) {
    if (model.tensors.layout().tensors()[t].dtype == tensor::DType::kFloat32) {
      for (float& v : model.tensors.Float32(t)) v = static_cast<float>(random.Normal());
    } else {
      for (double& v : model.tensors.Float64(t)) v = random.Normal();
    }
  }
  model.tensors.Float32(0)[0] = -0.0f;
  model.tensors.Float32(0)[1] = std::numeric_limits<float>::denorm_min();
  model.tensors.Float32(0)[2] = -std::numeric_limits<float>::max();
  return model;
}

Bytes ToBytes(std::string_view text) {
  const ByteSpan bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

// A safetensors file of this header, and so many zero bytes of data.
Bytes File(std::string_view header, size_t data_bytes) {
  Bytes file;
  ByteWriter writer(file);
  writer.Put(static_cast<uint64_t>(header.size()));
  writer.PutBytes(AsBytes(header));
  file.resize(file.size() + data_bytes);
  return file;
}

class ModelFile : public ::testing::TestWithParam<Statistics> {};

TEST_P(ModelFile, SafetensorsComesBackBitForBit) {
  const wire::StatePart model = Model(GetParam());
  ASSERT_OK_AND_ASSIGN(const wire::StatePart back, DecodeModel(EncodeSafetensors(model)));
  EXPECT_EQ(wire::EncodeStatePart(back), wire::EncodeStatePart(model));
}

TEST_P(ModelFile, JsonComesBackBitForBit) {
  const wire::StatePart model = Model(GetParam());
  ASSERT_OK_AND_ASSIGN(const std::string text, EncodeModelJson(model));
  ASSERT_OK_AND_ASSIGN(const wire::StatePart back, DecodeModel(AsBytes(text)));
  EXPECT_EQ(wire::EncodeStatePart(back), wire::EncodeStatePart(model));
}
INSTANTIATE_TEST_SUITE_P(Statistics, ModelFile,
                         ::testing::Values(Statistics::kNone, Statistics::kMeans,
                                           Statistics::kMeansAndScales));

TEST(ModelFile, EveryTensorLiesAtAMultipleOfItsSize) {
  const Bytes file = EncodeSafetensors(Model(Statistics::kMeansAndScales));
  ByteReader reader(file);
  const auto header_bytes = reader.Get<uint64_t>();
  EXPECT_EQ(header_bytes % 8, 0u);
  const std::string header(AsText(reader.GetBytes(header_bytes)));
  EXPECT_NE(header.find("\"standardize.mean\":{\"dtype\":\"F64\",\"shape\":[4],"
                        "\"data_offsets\":[0,32]}"),
            std::string::npos)
      << header;
  EXPECT_EQ(header.find("{\"__metadata__\":{"), 0u);
}

TEST(ModelFile, JsonNamesTheColumns) {
  const auto text = EncodeModelJson(Model(Statistics::kNone));
  ASSERT_THAT(text, IsOk());
  EXPECT_NE(text->find(R"("columns": ["age","sex","cp=2","cp=3"])"), std::string::npos) << *text;
}

TEST(ModelFile, TextsGiveTheSpecBack) {
  const job::JobSpec wanted = Job();
  ASSERT_OK_AND_ASSIGN(const job::JobSpec spec, SpecOfModel(Model(Statistics::kNone)));
  EXPECT_EQ(ModelTexts(spec), ModelTexts(wanted));
  EXPECT_EQ(spec.design_columns(), 4u);
  EXPECT_EQ(spec.data.label_levels, wanted.data.label_levels);
}

// A reader that knows no activation would predict with ReLU: so these have another format.
TEST(ModelFile, TanhIsPartOfTheModelAndOfItsFormat) {
  job::JobSpec wanted = Job();
  wanted.model.activation = job::Activation::kTanh;
  wire::StatePart model = Model(Statistics::kNone);
  EXPECT_EQ(model.texts.at("format"), "1");
  model.texts = ModelTexts(wanted);
  EXPECT_EQ(model.texts.at("format"), "2");
  for (const Bytes& file : {EncodeSafetensors(model), ToBytes(EncodeModelJson(model).value())}) {
    ASSERT_OK_AND_ASSIGN(const wire::StatePart back, DecodeModel(file));
    EXPECT_EQ(back.texts, model.texts);
    ASSERT_OK_AND_ASSIGN(const job::JobSpec spec, SpecOfModel(back));
    EXPECT_EQ(ShapeOf(spec).value().activation, job::Activation::kTanh);
  }
  const size_t at = model.texts["job"].find("tanh");
  model.texts["job"].replace(at, 4, "gelu");
  EXPECT_THAT(SpecOfModel(model), HasCode(ErrorCode::kModelSyntax));
}

TEST(ModelFile, PoissonComesBack) {
  job::JobSpec wanted = Job();
  wanted.model.kind = job::ModelKind::kPoisson;
  wanted.model.hidden.clear();
  wanted.data.label_levels.clear();
  wanted.data.classes = 1;
  const tensor::Layout layout = StateLayout(ShapeOf(wanted).value(), Statistics::kNone).value();
  const wire::StatePart model{tensor::Bundle(layout), ModelTexts(wanted)};
  ASSERT_OK_AND_ASSIGN(const wire::StatePart back, DecodeModel(EncodeSafetensors(model)));
  EXPECT_EQ(SpecOfModel(back).value().model.kind, job::ModelKind::kPoisson);
}

TEST(ModelFile, AnyCutIsRefused) {
  const Bytes file = EncodeSafetensors(Model(Statistics::kMeansAndScales));
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(DecodeModel(ByteSpan(file).first(length)).ok()) << length;
  }
  const std::string text = EncodeModelJson(Model(Statistics::kNone)).value();
  for (size_t length = 0; length + 2 < text.size(); ++length) {  // the last byte is a line feed
    EXPECT_FALSE(DecodeModel(AsBytes(text).first(length)).ok()) << length;
  }
}

TEST(ModelFile, AnyFlippedBitIsReadOrRefusedNeverWorse) {
  const Bytes file = EncodeSafetensors(Model(Statistics::kMeans));
  for (size_t i = 0; i < file.size(); ++i) {
    Bytes damaged = file;
    damaged[i] ^= std::byte{0x11};
    const auto model = DecodeModel(damaged);
    if (model.ok()) {
      EXPECT_THAT(CheckModel(*model), IsOk());
    }
  }
}

TEST(ModelFile, HolesOverlapsAndLiesAreRefused) {
  for (const std::string offsets : {"[8,16]", "[0,8]", "[4,12]", "[16,0]", "[0,1e3]", "[-8,16]"}) {
    const std::string header =
        R"({"w":{"dtype":"F32","shape":[4],"data_offsets":)" + offsets + "}}";
    EXPECT_THAT(DecodeModel(File(header, 16)), HasCode(ErrorCode::kModelSyntax)) << offsets;
  }
  for (const std::string type :
       {R"("F16","shape":[4])", R"("F32","shape":[])", R"("F32","shape":[0])", R"("F32","shape":4)",
        R"("F32","shape":[4294967296])", R"(7,"shape":[4])"}) {
    const std::string header = R"({"w":{"dtype":)" + type + R"(,"data_offsets":[0,16]}})";
    EXPECT_THAT(DecodeModel(File(header, 16)), HasCode(ErrorCode::kModelSyntax)) << type;
  }
}

TEST(ModelFile, OtherFilesAreRefused) {
  for (const std::string text : {"", "{}", "null", "[[[",
                                 "\x7f"
                                 "ELF",
                                 "{\"format\":1}"}) {
    EXPECT_THAT(DecodeModel(ToBytes(text)), HasCode(ErrorCode::kModelSyntax)) << text;
  }
  EXPECT_THAT(DecodeModel(ToBytes(std::string(1 << 20, '['))), HasCode(ErrorCode::kModelSyntax));
  EXPECT_THAT(DecodeModel(File("{}", 0)), HasCode(ErrorCode::kModelSyntax));
}

TEST(ModelFile, TensorsThatDoNotFitTheTextsAreRefused) {
  std::string text = EncodeModelJson(Model(Statistics::kNone)).value();
  const size_t at = text.find("\"hidden\":[3]");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 12, "\"hidden\":[4]");
  EXPECT_THAT(DecodeModel(AsBytes(text)), HasCode(ErrorCode::kModelMismatch));
  text.replace(at, 12, "\"hidden\":[4000000000]");
  EXPECT_THAT(DecodeModel(AsBytes(text)), HasCode(ErrorCode::kModelMismatch));
}

TEST(ModelFile, NotFiniteIsRefused) {
  wire::StatePart model = Model(Statistics::kNone);
  model.tensors.Float32(1)[0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(EncodeModelJson(model), HasCode(ErrorCode::kModelSyntax));
  EXPECT_THAT(DecodeModel(EncodeSafetensors(model)), HasCode(ErrorCode::kModelSyntax));
}

TEST(ModelFile, NewerFormatsAreNamed) {
  wire::StatePart model = Model(Statistics::kNone);
  model.texts["format"] = "3";
  EXPECT_THAT(DecodeModel(EncodeSafetensors(model)), HasCode(ErrorCode::kFormatVersion));
  std::string text = EncodeModelJson(Model(Statistics::kNone)).value();
  const size_t at = text.find("\"version\": 1");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 12, "\"version\": 2");
  EXPECT_THAT(DecodeModel(AsBytes(text)), HasCode(ErrorCode::kFormatVersion));
}

TEST(ModelFile, ExampleInTheDocumentIsRead) {
  std::ifstream file(CONSILIUM_SOURCE_DIR "/docs/formats/model.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::string fence = "```json\n";
  const size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const size_t end = page.find("```", begin + fence.size());
  const std::string example = page.substr(begin + fence.size(), end - begin - fence.size());
  ASSERT_OK_AND_ASSIGN(const wire::StatePart model, DecodeModel(AsBytes(example)));
  EXPECT_EQ(EncodeModelJson(model).value(), example);
}

TEST(ModelFile, TextsMayBeSpacedAndOrderedOtherwise) {
  const wire::StatePart model = Model(Statistics::kNone);
  wire::StatePart other{model.tensors.Clone(), model.texts};
  other.texts["job"] = R"({ "kind": "mlp", "dataset": "heart", "hidden": [3] })";
  ASSERT_OK_AND_ASSIGN(const wire::StatePart back, DecodeModel(EncodeSafetensors(other)));
  EXPECT_EQ(back.texts, model.texts);
}

TEST(ModelText, TooManyTooFewOrTooLongAreRefused) {
  wire::StatePart model = Model(Statistics::kNone);
  model.texts["more"] = "";
  EXPECT_THAT(SpecOfModel(model), HasCode(ErrorCode::kModelSyntax));
  model.texts.erase("more");
  EXPECT_THAT(SpecOfModel(model), IsOk());
  model.texts.erase("label");
  EXPECT_THAT(SpecOfModel(model), HasCode(ErrorCode::kModelSyntax));
  model = Model(Statistics::kNone);
  model.texts["features"].append(wire::kMaxStateTextBytes, ' ');
  EXPECT_THAT(SpecOfModel(model), HasCode(ErrorCode::kModelSyntax));
}

TEST(ModelText, AnotherFeatureListDoesNotFit) {
  job::JobSpec spec = Job();
  EXPECT_THAT(CheckModelFits(spec, Model(Statistics::kNone).texts), IsOk());
  spec.data.features[2].levels = {"2", "1", "3"};
  EXPECT_THAT(CheckModelFits(spec, Model(Statistics::kNone).texts),
              HasCode(ErrorCode::kModelMismatch));
}

}  // namespace
}  // namespace consilium::learn
