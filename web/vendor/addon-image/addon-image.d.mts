export * from "@xterm/addon-image";
