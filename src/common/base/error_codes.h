// The stable error codes. A number is never reused and never changes its meaning.
#ifndef CONSILIUM_COMMON_BASE_ERROR_CODES_H_
#define CONSILIUM_COMMON_BASE_ERROR_CODES_H_

namespace consilium {

enum class ErrorCode : int {
  // 01: usage and files
  kUsage = 101,
  kFileNotFound = 102,
  kFileUnreadable = 103,
  kFileExists = 104,
  kFileTooLarge = 105,
  kUnknownErrorCode = 106,
  kLab = 107,
  kInternal = 199,
  // 02: job file
  kJobSyntax = 201,
  kJobUnknownKey = 203,
  kJobWrongType = 204,
  kJobMissingKey = 205,
  kJobOutOfRange = 206,
  kJobConflict = 207,
  kJobNotFound = 210,
  kJobExists = 211,
  kJobFailed = 212,
  kJobCancelled = 213,
  kTooManyJobs = 214,
  // 03: configuration
  kConfigSyntax = 301,
  kConfigUnknownKey = 303,
  kConfigWrongType = 304,
  kConfigMissingKey = 305,
  kConfigOutOfRange = 306,
  kConfigConflict = 307,
  // 04: data
  kDatasetUnknown = 401,
  kDataSyntax = 402,
  kDataMissingColumn = 403,
  kDataBadCell = 404,
  kDataUnknownLevel = 405,
  kDataTooFewRows = 406,
  kDataFilter = 407,
  kDataOneClass = 408,
  kDataTooLarge = 409,
  // 05: identity and access
  kNotAuthenticated = 501,
  kNotAllowed = 502,
  kBadIdentity = 503,
  kCertificateExpired = 504,
  kWrongRole = 505,
  kKeyUnreadable = 506,
  kKeyTooOpen = 507,
  kBadCertificate = 508,
  kTlsSettings = 509,
  kPolicyRefused = 510,
  kFenced = 511,
  kAuthorityExists = 512,
  // 06: transport
  kCannotConnect = 601,
  kConnectionLost = 602,
  kTimedOut = 603,
  kMessageTooLarge = 604,
  kProtocol = 605,
  kVersion = 606,
  kPortInUse = 607,
  kOverloaded = 608,
  // 07: rounds and updates
  kUpdateNotFinite = 701,
  kUpdateOutOfBound = 702,
  kUpdateLayout = 703,
  kUpdateDigest = 704,
  kUpdateWeight = 705,
  kUpdateUnknownTask = 706,
  kUpdateConflict = 707,
  kTooFewSites = 708,
  kTooManyFailedRounds = 709,
  kSumOverflow = 710,
  kSupportTooSmall = 711,
  kLeaseExpired = 712,
  kReplayDiffers = 713,
  // 08: storage
  kStorageIo = 801,
  kStorageFull = 802,
  kJournalCorrupt = 803,
  kFormatVersion = 804,
  kStoreLocked = 805,
  // 09: models and states
  kStateNotFound = 901,
  kStateCorrupt = 902,
  kModelSyntax = 903,
  kModelMismatch = 904,
  kModelNeedsStatistics = 905,
  kTrainingDiverged = 906,
  kModelNeedsPersonal = 907,
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_ERROR_CODES_H_
