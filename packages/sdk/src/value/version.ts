/** How this SDK calls itself in histories and to servers. */
export const sdkName = "pawl-typescript";
export const sdkVersion = "0.1.0";
