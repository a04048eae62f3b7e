// SPDX-License-Identifier: Apache-2.0
//
// One RSA key and all that it ever signed: the private half was thrown away, so no other text can verify under it.
#pragma once

#include <string_view>

namespace signer::fuzz {

inline constexpr std::string_view kKid = "vBjCxCVEhzawpDWrUQuJNqvZCJQW0vpABi2c80snd6I";

inline constexpr std::string_view kJwk =
    R"({"kty":"RSA","use":"sig","alg":"RS256","kid":"vBjCxCVEhzawpDWrUQuJNqvZCJQW0vpABi2c80snd6I",)"
    R"("e":"AQAB","n":")"
    "4FtBkP2a_WMnjzOJAFs4vBSgxhYgvP0itxbdNW7tiR-bMjDW3rW33pqVRhHktlpHnTFsy6zzy0lhM2kL9bcrbGP9IvrkxqZqLKPe"
    "7RwHGFhvVkzZpobNjvcMVWhLVI8pM2ZKsDnYWiimk3k024U00nnui20gV-0Qxg5AsUua9dLa8P3aDvrMZRvByoxgQRgtlHD7_OOw"
    "WxIHzq11xoMnPYZDQWZGucSut3T969wtHEEVXG75FYGNwsUlyEf1v73XDdOsyxQNNkPAFCXiaKkWVczXCWUARy4y62CtWyM71DOQ"
    "NkCGvbOQkF_Qs9gH4A_RnQm6BRBlpNPEQnYEr2Liow"
    R"("})";

// Claims: iss https://idp.example, aud https://api.example, iat 1700000000, exp 600 s later.
inline constexpr long long kIssuedAt = 1700000000;

// typ at+jwt.
inline constexpr std::string_view kGoodToken =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InZCakN4Q1ZFaHphd3BEV3JVUXVKTnF2WkNKUVcwdnBBQmkyYzgwc25kNkkiLCJ0eXAiOiJh"
    "dCtqd3QifQ.eyJhdWQiOiJodHRwczovL2FwaS5leGFtcGxlIiwiZXhwIjoxNzAwMDAwNjAwLCJpYXQiOjE3MDAwMDAwMDAsImlzc"
    "yI6Imh0dHBzOi8vaWRwLmV4YW1wbGUiLCJqdGkiOiJzZWVkIiwic3ViIjoidSJ9.ZdoGuIZ1Hc2duZxdbKZcjOvJjkEnL0KZMzqQ"
    "aFYMr0ikamkWqC-biLpodFciTUew4uHGbTysvtmdyNHxRQ4QGQHsUdnjs-3Jziqf5Jts4ol8miGShlr6Lrqm_Cuo_oP2w3Ox-uam"
    "fI7ssNuaqcN71nTtlRi5T_ScPru-hDSLt1Cj2BbrLOLYsDr0fl9YZ6s6H8V3VgFW9MC10rbhPrH-226LvNmvrbBilqOiH4h2JZ6l"
    "OSec1Hthugfnjbdt2Dz39RlVQ28u7m3JNNSRhEVD65YzI0KHMdzIXupC6RoCPlZzcK167snLPXARVLJcbzDr2fYREb0rSBN71n3Y"
    "fwCBrg";

// The same claims, typ JWT.
inline constexpr std::string_view kIdToken =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InZCakN4Q1ZFaHphd3BEV3JVUXVKTnF2WkNKUVcwdnBBQmkyYzgwc25kNkkiLCJ0eXAiOiJK"
    "V1QifQ.eyJhdWQiOiJodHRwczovL2FwaS5leGFtcGxlIiwiZXhwIjoxNzAwMDAwNjAwLCJpYXQiOjE3MDAwMDAwMDAsImlzcyI6I"
    "mh0dHBzOi8vaWRwLmV4YW1wbGUiLCJqdGkiOiJzZWVkIiwic3ViIjoidSJ9.JaV1eNp4wEmJYE769lyVLaa_52yoQdtrt_ANPij-"
    "YojladBq0kowK1e6mHErQj0ioifSBVO-mNoP2ammBrIrlvM_aekJI429Lu-uIASffJNMGhFPNqDM2rLWx8uDMx7Ucoo1SXlCEGQV"
    "nhYqPy1EQXd_C8IRGYB_2qOzeKlEJvg3hovmQt0ji4uy_VjoOPmleasl4bzdKYHVnzFP9IMmscl2uM6CbtPYbkgrq7RcMSzczxhc"
    "A26GZKj2Bxfueba-Gv427SAKbeGZ4XVORWenRFVYa7k36fG0BINNEAQk5AP23zL3xRYZe4rKL6AMFB8gdUC5Rk6LsAS098yop5hI"
    "cA";

// As the first, issued at 1600000000.
inline constexpr std::string_view kExpiredToken =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InZCakN4Q1ZFaHphd3BEV3JVUXVKTnF2WkNKUVcwdnBBQmkyYzgwc25kNkkiLCJ0eXAiOiJh"
    "dCtqd3QifQ.eyJhdWQiOiJodHRwczovL2FwaS5leGFtcGxlIiwiZXhwIjoxNjAwMDAwNjAwLCJpYXQiOjE2MDAwMDAwMDAsImlzc"
    "yI6Imh0dHBzOi8vaWRwLmV4YW1wbGUiLCJqdGkiOiJzZWVkIiwic3ViIjoidSJ9.UzvB2EjoHFQ_xqesftYuf_NjadSQzpPnkDz2"
    "uBqJAoMhnU7zyu943qrPansrhJXPU22nuFLFjd66kgDWfJYy_sIiwJEyisE8x_kKKYrX7N56VIUtGBvvdjGxZ0-9uq2GWAZwx4Zd"
    "oov2zjkg_e6DgP84YFDUgMhlF39AUH8E_MRi8WbdZXSslXKr8F_h0obF-JFMGDKTc-8emsbhE1EEleumIhcfm4oPdOHQVHmSdW4c"
    "pVuCmj4W3N3kOUXIWireKYCm1IwS6nFWybHmPqGOdxZ5LUKffMukI5QcEXkJfgVI60tEGTFtReucKLS0K7XEJADO6HEa4H5H7d4B"
    "Y_66Ug";

// Signed, typ at+jwt, but the payload is an array.
inline constexpr std::string_view kNotClaimsToken =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InZCakN4Q1ZFaHphd3BEV3JVUXVKTnF2WkNKUVcwdnBBQmkyYzgwc25kNkkiLCJ0eXAiOiJh"
    "dCtqd3QifQ.WyJubyIsImNsYWltcyJd.uw8Kt6iK5hU7FvgruHzqosHfxbtoLuZjR98ZoHeqsSKrz_fz1oYeaXEx7SQM4575L7jG"
    "jA3DbBB5j4jJj-4UNho1d1U0hCUD7Qgf13XrPdeCd4zE8xTDt7218LPNN0n9ZSTttM2PC2b4_Rjt68E_NaJNUYgwXeOtWJ9kXFPJ"
    "KhQocWoUYU5kR_B0cDo0__Ha_Pm6TPRxKV0sFho7NmGfR-GhHR23sC6tX9Br2UpB8vSzP-IXbx-uaLRPEowltklKoSodrOyy-Uih"
    "xATehtz2qXP31Jz9uty8nQTQBdGHsGh5i7ma-Yw9tCyxoHPG8tzFeww4k3qCm9JpyNwdtC3XfQ";

}  // namespace signer::fuzz
